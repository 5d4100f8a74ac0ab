"""Settings of files that are followed as they grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cdr.sources.setting import REQUIRED, Settings, flag, path, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed(Settings):
    """A file that grows, is rotated or truncated."""

    served: ClassVar[bool] = True
    path: str = path(REQUIRED, "the file, as an absolute path")
    from_start: bool = flag(True, "whether what the file holds already is read, too")
    host: str = text("", "name of the machine that the file lies on, where collectors run on several")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile(Followed):
    """A log file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailFile(Followed):
    """A detail file of FreeRADIUS."""

    dictionary: str = path("", "dictionary file of the proxy, where its numbers are its own; $INCLUDE is followed")
