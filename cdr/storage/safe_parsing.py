"""Parsing that survives its own faults."""

from __future__ import annotations

from collections.abc import Callable

from cdr.formats.reading import Parsed, Rejection
from cdr.storage.complaints import complain


def parsed_safely(parse: Callable[[bytes], Parsed], raw: bytes) -> Parsed:
    """Return what ``parse`` makes of input. Should it fail, the input is kept and nothing else is lost."""
    try:
        return parse(raw)
    except Exception as error:
        complain("a record could not be read: this is a fault of accweb, please report it", exc_info=True)
        return Rejection(raw, f"a fault in reading it, to be reported: {type(error).__name__}: {error}")
