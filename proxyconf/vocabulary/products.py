"""The supported SIP proxies and their versions."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

_VERSION = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?")


class Product(StrEnum):
    """The three proxies of one family; their ``acc`` modules share an ancestor and differ in detail."""

    OPENSER = "openser"
    KAMAILIO = "kamailio"
    OPENSIPS = "opensips"

    @property
    def label(self) -> str:
        """The name as the project itself writes it."""
        return {"openser": "OpenSER", "kamailio": "Kamailio", "opensips": "OpenSIPS"}[self]


class Version(NamedTuple):
    """A release, comparable: ``Version(5, 6, 3) >= (5, 5)``."""

    major: int
    minor: int = 0
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """Parse ``5.6.3``, ``5.6`` or ``v5``; raise ``ValueError`` that quotes the text."""
        match = _VERSION.fullmatch(text.strip().removeprefix("v"))
        if match is None:
            raise ValueError(f"{text!r} is not a version; write it like 5.6 or 5.6.3")
        return cls(*(int(part or 0) for part in match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}" + (f".{self.patch}" if self.patch else "")
