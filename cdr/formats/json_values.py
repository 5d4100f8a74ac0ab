"""Parse JSON as proxies write it, including bytes that are not UTF-8 and unescaped control characters."""

from __future__ import annotations

import json
from typing import Any

from cdr.events import Unparsable, text_of


def json_object(raw: bytes) -> dict[str, Any]:
    """Return a JSON object; raise ``Unparsable`` for anything else. Pass its strings through ``json_text``."""
    try:
        value = _decode(raw.decode("utf-8", "surrogateescape"))
    except RecursionError:
        raise Unparsable("the JSON is nested too deeply") from None
    except ValueError as error:
        cut = "" if raw.rstrip().endswith(b"}") else "; was it cut?"
        raise Unparsable(f"not a JSON object: {error}{cut}") from None
    if not isinstance(value, dict):
        raise Unparsable(f"a JSON object is expected, but this is a {type(value).__name__}")
    return value


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not valid JSON")


_decode = json.JSONDecoder(strict=False, parse_constant=_refuse).decode  # json.loads would make one per object


def json_text(value: Any) -> str:
    """Return a JSON value as text, like ``text_of``. Null is empty; an object or array stays JSON."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value)
    return value if value.isascii() and "\0" not in value else text_of(json_bytes(value))


def json_bytes(value: str) -> bytes:
    """Return the original bytes of a JSON string."""
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a surrogate pair, escaped in JSON
        return value.encode("utf-8", "backslashreplace")


def json_integer(value: Any, member: str) -> int:
    """Return an integer given as number or digits; 0 if it is absent or empty. Raise ``Unparsable``."""
    if value is None or value == "":
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    raise Unparsable(f"member {member!r} is {json_text(value)[:80]!r}; it must be a whole number")


def sip_code(value: Any) -> int:
    """Return the member ``sip_code``; 0 if the proxy's script set none."""
    code = json_integer(value, "sip_code")
    if not 0 <= code <= 999:
        raise Unparsable(f"member 'sip_code' is {code}; SIP codes have three digits")
    return code


def array_elements(line: bytes) -> list[bytes]:
    """Return the elements of a line that is a JSON array of records; empty for any other line."""
    try:
        elements = json.loads(line.decode("utf-8", "surrogateescape"), strict=False)
    except (ValueError, RecursionError):
        return []
    if not isinstance(elements, list) or not all(isinstance(element, dict | str) for element in elements):
        return []
    return [json_bytes(element) if isinstance(element, str) else json.dumps(element).encode() for element in elements]
