"""Configuration files as they are uploaded or pasted: one, several, or a ZIP, within limits."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext as _

from proxyconf.models.imported import RawFile, unsealed_files
from proxyconf.models.sealing import Unreadable
from proxyconf.parse.files import normal_path

LARGEST = 1_000_000
"""The most bytes of one file that are read."""

_LARGEST_SUM = 4_000_000
_MOST_FILES = 200


def files_of(request: HttpRequest, pasted_name: str) -> list[RawFile]:
    """Return what was uploaded, pasted, or sealed by the page before; raise ``ValueError`` that says what to do."""
    if request.POST.get("sealed"):
        try:
            return unsealed_files(request.POST["sealed"])
        except (Unreadable, ValueError, TypeError) as error:
            raise ValueError(_("The text of the page before cannot be read any more: paste it again.")) from error
    uploads = [one for one in request.FILES.getlist("file") if isinstance(one, UploadedFile)]
    if uploads:
        return _checked([file for upload in uploads for file in _files_in(upload)])
    text = request.POST.get("text", "")
    if not text.strip():
        raise ValueError(_("Paste the configuration, or choose its file."))
    if len(text) > LARGEST:
        raise ValueError(_("The text is larger than 1 MB: that is no configuration."))
    # a browser sends a pasted text with line ends of Windows, whatever it had
    return [RawFile(pasted_name, text.replace("\r\n", "\n").encode())]


def _files_in(upload: UploadedFile[Any]) -> list[RawFile]:
    name = str(upload.name)
    if (upload.size or 0) > _LARGEST_SUM or ((upload.size or 0) > LARGEST and not name.endswith(".zip")):
        raise ValueError(_("%(name)s is larger than 1 MB: that is no configuration.") % {"name": name})
    raw = upload.read()
    return _unzipped(name, raw) if raw.startswith(b"PK\x03\x04") else [RawFile(name, raw)]


def _unzipped(name: str, raw: bytes) -> list[RawFile]:
    """Return the files of a ZIP. Sizes are counted while reading: what the archive says of itself proves nothing."""
    found: list[RawFile] = []
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir() and "__MACOSX" not in one.filename]
            if len(entries) > _MOST_FILES:
                raise ValueError(
                    _("%(name)s holds more than 200 files: leave out what is no configuration.") % {"name": name}
                )
            for entry in entries:
                with archive.open(entry) as opened:
                    content = opened.read(LARGEST + 1)
                found.append(RawFile(normal_path(entry.filename), content))
                _checked(found)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise ValueError(_("%(name)s is not a ZIP file that can be read.") % {"name": name}) from error
    if not found:
        raise ValueError(_("%(name)s holds no file.") % {"name": name})
    return _without_common_folder(found)


def _checked(files: list[RawFile]) -> list[RawFile]:
    for one in files:
        if len(one.raw) > LARGEST:
            raise ValueError(_("%(name)s is larger than 1 MB: that is no configuration.") % {"name": one.name})
    if len(files) > _MOST_FILES or sum(len(one.raw) for one in files) > _LARGEST_SUM:
        raise ValueError(_("These are more than 200 files or 4 MB: leave out what is no configuration."))
    names = [one.name for one in files]
    if len(set(names)) < len(names):
        raise ValueError(_("Two files have the same name: upload their folder as a ZIP file."))
    return files


def _without_common_folder(files: Iterable[RawFile]) -> list[RawFile]:
    paths = {one: PurePosixPath(one.name) for one in files}
    first = {path.parts[0] for path in paths.values()}
    if len(first) == 1 and all(len(path.parts) > 1 for path in paths.values()):
        return [RawFile(str(PurePosixPath(*path.parts[1:])), one.raw) for one, path in paths.items()]
    return list(paths)
