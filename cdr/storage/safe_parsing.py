"""Call parsers so that their faults cost nothing but the faulty record."""

from __future__ import annotations

from collections.abc import Callable

from cdr.formats.reading import Parsed, Rejection
from cdr.storage.complaints import complain


def parsed_safely(parse: Callable[[bytes], Parsed], raw: bytes) -> Parsed:
    """Return the result of ``parse``; if it raises, a rejection that keeps the input."""
    try:
        return parse(raw)
    except Exception as error:
        complain("a parser failed: this is a fault of accweb, please report it", exc_info=True)
        return fault_of_parser(raw, error)


def fault_of_parser(raw: bytes, error: Exception) -> Rejection:
    """Return the rejection of input on which a parser raised ``error``, which it never should."""
    return Rejection(raw, f"the parser failed; please report this fault of accweb: {type(error).__name__}: {error}")
