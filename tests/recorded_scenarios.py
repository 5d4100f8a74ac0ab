"""The recorded calls: what a real proxy emitted for them, and what the SIP endpoints saw."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cdr.correlation.fold import fold
from cdr.correlation.record import CallRecord, Observed, Policy
from cdr.events import AccEvent
from cdr.formats.reading import IGNORED, Reading
from cdr.formats.registry import FORMATS
from proxyconf.parse import layout_from_text
from proxyconf.vocabulary.products import Product, Version

ROOT = Path(__file__).parent / "recorded"

SYSLOG = dict.fromkeys(("syslog.txt", "syslog_traditional.txt", "syslog_iso.txt", "syslog_rfc5424.txt"), "syslog")
SQL = {"acc.csv": "acc-csv", "missed_calls.csv": "missed-csv", "acc_cdrs.csv": "acc-cdrs-csv"}
RADIUS = {"radius.jsonl": "radius-jsonl"}
DETAIL = {"freeradius_detail.txt": "radius-detail"}
DIAMETER = {"diameter.jsonl": "diameter-jsonl"}
JSON = {"acc_json.jsonl": "acc-json"}
EVENTS = {"events.jsonl": "opensips-events"}


@dataclass(frozen=True)
class Scenario:
    """One recorded scenario. Calling ``events`` with files (name → format) reads those of them that it has."""

    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        return ROOT / self.name

    def bytes_of(self, file: str) -> bytes | None:
        plain, packed = self.folder / file, self.folder / f"{file}.gz"
        if plain.exists():
            return plain.read_bytes()
        return gzip.decompress(packed.read_bytes()) if packed.exists() else None

    @cached_property
    def expected(self) -> list[dict[str, Any]]:
        found = self.bytes_of("expected.json")
        assert found is not None
        return json.loads(found)["calls"]

    @cached_property
    def reading(self) -> Reading:
        about = (self.folder / "scenario.md").read_text()
        match = re.search(r"Proxy: (\w+) ([\d.]+), TZ=([\w/]+)", about)
        assert match is not None
        return Reading(
            layout=layout_from_text((self.folder / "acc.cfg").read_text()),
            zone=ZoneInfo(match[3]),
            product=Product(match[1]),
            version=Version.parse(match[2]),
        )

    @property
    def policies(self) -> dict[str, Policy]:
        reading = self.reading
        opensips = reading.product is Product.OPENSIPS and reading.version >= (3, 2)
        return {"proxy": Policy(layout=reading.layout, time_of_first_event=opensips)}

    def has(self, files: dict[str, str]) -> bool:
        return any(self.bytes_of(file) is not None for file in files)

    def events(self, files: dict[str, str]) -> Iterator[AccEvent]:
        for file, kind in files.items():
            content = self.bytes_of(file)
            if content is None:
                continue
            for parsed in FORMATS[kind](io.BytesIO(content), self.reading):
                if parsed != IGNORED:
                    assert isinstance(parsed, AccEvent), parsed
                    yield parsed

    def calls(self, events: Iterable[AccEvent], now: datetime) -> list[CallRecord]:
        return fold((Observed(event, "proxy") for event in events), self.policies, now).calls


SCENARIOS = [Scenario(path.parent.name) for path in sorted(ROOT.glob("*/scenario.md"))]
