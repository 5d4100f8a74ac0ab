"""Configuration files on disk: those that are named and, within the folder of the first, those that they include."""

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
    """Return the named files and what they include, each by its path from the folder of the first.

    ``-`` is standard input, read as ``standard_name``. An included file that is absent or stands outside the folder is
    left out; the import says so. Raise ``OSError`` or ``ValueError`` for what cannot be read.
    """
    if names == ["-"]:
        return [RawFile(standard_name, sys.stdin.buffer.read())]
    paths = [Path(name).resolve() for name in names]
    root, pending, found = paths[0].parent, list(paths), dict[Path, RawFile]()
    while pending:
        path = pending.pop(0)
        if path in found:
            continue
        raw = path.read_bytes()
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        found[path] = RawFile(name, raw)
        if len(found) > _MOST_FILES or sum(len(one.raw) for one in found.values()) > _LARGEST:
            raise ValueError(f"{name}: more than {_MOST_FILES} files or 4 MB: that is no configuration")
        pending += [target for target in _included(path, raw) if target.is_relative_to(root) and target.is_file()]
    return list(found.values())


def _included(path: Path, raw: bytes) -> list[Path]:
    return [(path.parent / include.path).resolve() for include in includes_of(config_text(raw))]
