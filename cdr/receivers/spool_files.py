"""What lies in the spool folder, read by whoever is not the receiver: the database need not answer for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cdr.receivers.spool import Waiting, look_into

_FULL = ".full"


class SpoolFile(NamedTuple):
    """What waits for one source: its number, the bytes, since when, and whether nothing more was taken in the end."""

    source: int
    waiting: int
    since: datetime | None
    is_full: bool


def spool_path(folder: Path, source: int) -> Path:
    return folder / f"source-{source}.spool"


def mark_full(path: Path, *, is_full: bool) -> None:
    """Note beside a spool whether it was full when something came last."""
    mark = path.with_suffix(_FULL)
    if is_full:
        mark.touch(mode=0o600)
    else:
        mark.unlink(missing_ok=True)


def spool_files(folder: Path) -> Iterator[SpoolFile]:
    """Yield the spools that something waits in."""
    for path in sorted(folder.glob("source-*.spool")):
        number = path.stem.removeprefix("source-")
        if not number.isdecimal():
            continue
        waiting: Waiting | None = look_into(path)
        if waiting and waiting.size:
            since = datetime.fromtimestamp(waiting.time / 1e6, UTC) if waiting.time is not None else None
            yield SpoolFile(int(number), waiting.size, since, path.with_suffix(_FULL).exists())
