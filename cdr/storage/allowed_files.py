"""Open files that a source names: only regular files below ``settings.FILE_ROOTS``, and none of accweb's own.

A user who may set up a source must not use it to read other files that the service can read: its secret key, its
database, ``/etc/passwd``. Paths are resolved first, so that no link and no ``..`` leads out of the roots.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import connection

IMPORTS = "imports"
"""The only folder inside the data folder from which a source may read files, besides ``settings.TLS_FOLDERS``."""

_CONFIGURATION = Path("/etc")
_MOST_BYTES = 16 << 20


class ForbiddenFile(PermissionError):
    """A path that a source may not name. The text says why and what to do, and reveals nothing about the file."""


def allowed_path(name: str) -> Path:
    """Return the resolved path of ``name``; raise ``ForbiddenFile`` if a source may not read it.

    Raises ``OSError`` if the file is missing, but only inside the roots: whether a file exists elsewhere stays hidden.
    """
    path = Path(os.path.realpath(name))
    data = Path(settings.DATA_DIR).resolve()
    is_own = path.is_relative_to(data) and not path.is_relative_to(data / IMPORTS)
    if is_own or not _is_below(path, settings.FILE_ROOTS):
        raise ForbiddenFile(
            f"{name} is in no folder that sources may read; move the file, or add its folder to ACCWEB_FILE_ROOTS"
        )
    return _regular(name, path)


def allowed_tls_file(name: str) -> Path:
    """Return where a certificate or key lies; raise ``OSError`` where it is missing or in no folder for those.

    No source reads these folders as logs, so none shows a private key.
    """
    path = Path(os.path.realpath(name))
    if not _is_below(path, settings.TLS_FOLDERS):
        raise ForbiddenFile(
            f"{name} is in no folder of certificates; move the file to one of {', '.join(settings.TLS_FOLDERS)}, "
            "or add its folder to ACCWEB_TLS_FOLDERS"
        )
    return _regular(name, path)


def _is_below(path: Path, roots: Sequence[str]) -> bool:
    return any(path.is_relative_to(root) for root in map(os.path.realpath, roots))


def _regular(name: str, path: Path) -> Path:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ForbiddenFile(f"{name} is not a regular file")
    if _is_own_database(status):
        raise ForbiddenFile(f"{name} is accweb's own database")
    return path


def allowed_data(name: str) -> Path:
    """Return the resolved path like ``allowed_path``, but forbid files in /etc, which may contain passwords."""
    path = allowed_path(name)
    if path.is_relative_to(_CONFIGURATION):
        raise ForbiddenFile(f"{name} is in {_CONFIGURATION}; logs and databases are not read from there, move the file")
    return path


def read_allowed(name: str) -> str:
    """Return the text of a file that a source may read; raise ``OSError``."""
    path = allowed_path(name)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ForbiddenFile(f"{name} is larger than {_MOST_BYTES >> 20} MiB")
    return data.decode(errors="replace")


def _is_own_database(status: os.stat_result) -> bool:
    if connection.vendor != "sqlite":
        return False
    try:
        own = Path(connection.settings_dict["NAME"]).stat()
    except OSError:
        return False
    return os.path.samestat(own, status)
