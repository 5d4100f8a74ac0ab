"""RADIUS dictionaries that the settings of a source name."""

from __future__ import annotations

from pathlib import Path

from cdr.formats.radius_dictionary import Dictionary, parse


def dictionary_of(path: str) -> Dictionary | None:
    """Read a dictionary file with the files it includes; raise ``OSError`` or ``ValueError``."""
    if not path:
        return None
    file = Path(path)

    def include(name: str) -> str:
        return (file.parent / name).read_text(errors="replace")

    return parse(file.read_text(errors="replace"), include, name=file.name)
