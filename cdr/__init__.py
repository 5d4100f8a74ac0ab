"""What a proxy did log: events received, calls correlated from them, and the pages to look at both.

``bin/compile`` may have compiled the rooms that parse and correlate, in place. Python prefers a compiled module to its
source, so importing anything of ``cdr`` fails where a source has changed since.
"""

from __future__ import annotations

from hashlib import blake2b
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

_FOLDER = Path(__file__).parent
COMPILED_FROM = _FOLDER / "compiled_from"
"""The file that holds the fingerprint of the sources that were compiled."""


def sources() -> list[Path]:
    """Return the modules that ``bin/compile`` compiles."""
    modules = (file for room in ("correlation", "formats") for file in (_FOLDER / room).glob("*.py"))
    return sorted([_FOLDER / "events.py", *(file for file in modules if file.name != "__init__.py")])


def fingerprint() -> str:
    """Return what is equal for equal sources."""
    return blake2b(b"\0".join(file.read_bytes() for file in sources()), digest_size=16).hexdigest()


def _is_compiled() -> bool:
    if not (_FOLDER / f"events{EXTENSION_SUFFIXES[0]}").exists():
        return False
    if not COMPILED_FROM.exists() or COMPILED_FROM.read_text() != fingerprint():
        raise ImportError(
            "the compiled modules of cdr are not those of its sources: run bin/compile again, or bin/compile --clean"
        )
    return True


IS_COMPILED = __name__ == "cdr" and _is_compiled()
