"""What the proxy wrote to its log for the recorded calls: what other backends must tell as well."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import NamedTuple

from cdr.events import AccEvent, EventKind, classify
from cdr.formats.reading import Reading
from proxyconf.vocabulary.products import Product, Version

ROOT = Path(__file__).parents[2] / "recorded"
_LINE = re.compile(
    r"ACC: (transaction answered|call missed|request acknowledged|call ended): "
    r"(?:timestamp=(\d+)|created=\d+;call_start_time=(\d+)).*?;method=(\w+);from_tag=([^;]*);to_tag=([^;]*);"
    r"call_id=([^;]*);code=(\d*);"
)
_LOGS = ("syslog.txt", "syslog_iso.txt", "syslog.txt.gz")


class Said(NamedTuple):
    """The fields that every backend tells."""

    method: str
    from_tag: str
    to_tag: str
    call_id: str
    code: int
    kind: EventKind
    time: int


def folders_with(name: str) -> list[str]:
    return sorted(path.parent.name for path in ROOT.glob(f"*/{name}*"))


def content(folder: str, name: str) -> bytes:
    plain, packed = ROOT / folder / name, ROOT / folder / f"{name}.gz"
    return plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())


def reading_of(folder: str) -> Reading:
    if folder.startswith("opensips"):
        return Reading(product=Product.OPENSIPS, version=Version(3, 6, 8))
    return Reading(product=Product.KAMAILIO, version=Version(5, 6, 3))


def said_in_log(folder: str, *, knows_missed: bool) -> list[Said]:
    """Return what the log of a scenario says; a backend that does not know missed calls takes them for failed ones."""
    log = next(name for name in _LOGS if (ROOT / folder / name).exists())
    found = []
    for match in _LINE.finditer(content(folder, log.removesuffix(".gz")).decode()):
        prefix, stamp, start, method, from_tag, to_tag, call_id, code = match.groups()
        kind = classify(method, int(code), missed=prefix == "call missed" and knows_missed)
        kind = EventKind.CDR if prefix == "call ended" else kind
        found.append(Said(method, from_tag, to_tag, call_id, int(code), kind, int(stamp or start)))
    return sorted(found)


def said_by(events: list[AccEvent]) -> list[Said]:
    return sorted(
        Said(e.method, e.from_tag, e.to_tag, e.call_id, e.code, e.kind, int(e.time.timestamp())) for e in events
    )


def assert_same(told: list[Said], logged: list[Said]) -> None:
    """Compare all but the time, which each backend reads for itself: it may be the next second."""
    assert [one[:-1] for one in told] == [one[:-1] for one in logged]
    assert all(abs(one.time - other.time) <= 1 for one, other in zip(told, logged, strict=True))
