"""Read configuration files from disk, with the files that they include from the folder of the first."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from proxyconf.models.imported import RawFile
from proxyconf.parse import config_text
from proxyconf.parse.files import includes_of

_MOST_FILES = 200
_LARGEST = 4_000_000  # bytes of all files


def read_config_files(names: Sequence[str], standard_name: str = "proxy.cfg") -> list[RawFile]:
    """Return the named files and those that they include, named by their path relative to the folder of the first.

    ``-`` is standard input, named ``standard_name``. Included files that are missing or outside the folder are omitted;
    the import reports them. Raise ``OSError`` or ``ValueError`` for unreadable or too many files.
    """
    if names == ["-"]:
        return [RawFile(standard_name, sys.stdin.buffer.read())]
    paths = [Path(name).resolve() for name in names]
    root, pending, files = paths[0].parent, list(paths), dict[Path, RawFile]()
    while pending:
        path = pending.pop(0)
        if path in files:
            continue
        raw = path.read_bytes()
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        files[path] = RawFile(name, raw)
        if len(files) > _MOST_FILES or sum(len(file.raw) for file in files.values()) > _LARGEST:
            raise ValueError(f"{name}: more than {_MOST_FILES} files or 4 MB; this is not a valid configuration")
        pending += [target for target in _included(path, raw) if target.is_relative_to(root) and target.is_file()]
    return list(files.values())


def _included(path: Path, raw: bytes) -> list[Path]:
    return [(path.parent / include.path).resolve() for include in includes_of(config_text(raw))]
