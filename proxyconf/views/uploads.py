"""Read uploaded or pasted configuration files: one, several, or a ZIP, within limits."""

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
"""Maximum size of a file in bytes."""

_LARGEST_SUM = 4_000_000
_MOST_FILES = 200


def files_of(request: HttpRequest, pasted_name: str) -> list[RawFile]:
    """Return the files that were uploaded, pasted, or encrypted in the previous page; raise ``ValueError``."""
    if request.POST.get("sealed"):
        try:
            return unsealed_files(request.POST["sealed"])
        except (Unreadable, ValueError, TypeError) as error:
            raise ValueError(_("The text of the previous page cannot be read any more. Paste it again.")) from error
    uploads = [upload for upload in request.FILES.getlist("file") if isinstance(upload, UploadedFile)]
    if uploads:
        return _checked([file for upload in uploads for file in _files_in(upload)])
    text = request.POST.get("text", "")
    if not text.strip():
        raise ValueError(_("Paste the configuration, or choose its file."))
    if len(text) > LARGEST:
        raise ValueError(_("The text is larger than 1 MB. It is not a valid configuration."))
    # browsers always send pasted text with Windows line ends
    return [RawFile(pasted_name, text.replace("\r\n", "\n").encode())]


def _files_in(upload: UploadedFile[Any]) -> list[RawFile]:
    name = str(upload.name)
    if (upload.size or 0) > _LARGEST_SUM or ((upload.size or 0) > LARGEST and not name.endswith(".zip")):
        raise _too_large(name)
    raw = upload.read()
    return _unzipped(name, raw) if raw.startswith(b"PK\x03\x04") else [RawFile(name, raw)]


def _unzipped(name: str, raw: bytes) -> list[RawFile]:
    """Return the files of a ZIP. Sizes are checked while reading, since the sizes stated in a ZIP may be wrong."""
    files: list[RawFile] = []
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir() and "__MACOSX" not in entry.filename]
            if len(entries) > _MOST_FILES:
                raise ValueError(
                    _("%(name)s contains more than 200 files. Include only configuration files.") % {"name": name}
                )
            for entry in entries:
                with archive.open(entry) as opened:
                    content = opened.read(LARGEST + 1)
                files.append(RawFile(normal_path(entry.filename), content))
                _checked(files)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise ValueError(_("%(name)s is not a valid ZIP file.") % {"name": name}) from error
    if not files:
        raise ValueError(_("%(name)s contains no files.") % {"name": name})
    return _without_common_folder(files)


def _too_large(name: str) -> ValueError:
    return ValueError(_("%(name)s is larger than 1 MB. It is not a valid configuration.") % {"name": name})


def _checked(files: list[RawFile]) -> list[RawFile]:
    for file in files:
        if len(file.raw) > LARGEST:
            raise _too_large(file.name)
    if len(files) > _MOST_FILES or sum(len(file.raw) for file in files) > _LARGEST_SUM:
        raise ValueError(_("There are more than 200 files or 4 MB. Include only configuration files."))
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise ValueError(_("Two files have the same name: upload their folder as a ZIP file."))
    return files


def _without_common_folder(files: Iterable[RawFile]) -> list[RawFile]:
    paths = {file: PurePosixPath(file.name) for file in files}
    top_folders = {path.parts[0] for path in paths.values()}
    if len(top_folders) == 1 and all(len(path.parts) > 1 for path in paths.values()):
        return [RawFile(str(PurePosixPath(*path.parts[1:])), file.raw) for file, path in paths.items()]
    return list(paths)
