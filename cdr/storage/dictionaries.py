"""RADIUS dictionaries that the settings of a source name."""

from __future__ import annotations

from pathlib import Path

from cdr.formats.radius_dictionary import Dictionary, parse
from cdr.storage.allowed_files import read_allowed


def dictionary_of(path: str) -> Dictionary | None:
    """Read a dictionary file with the files it includes; raise ``OSError`` or ``ValueError``."""
    if not path:
        return None
    file = Path(path)

    def include(name: str) -> str:
        return read_allowed(str(file.parent / name))

    return parse(read_allowed(path), include, name=file.name)
