"""Inputs of the field (``tests/field``), read as ``manage.py ingest`` reads them and folded into calls."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from cdr.correlation.fold import fold
from cdr.correlation.record import CallRecord, Observed, Policy
from cdr.events import AccEvent
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.registry import FORMATS, detect
from proxyconf.vocabulary.layout import FieldLayout
from proxyconf.vocabulary.products import Product, Version

CASES = Path(__file__).parents[1] / "field"
LATER = datetime(2027, 1, 1, tzinfo=UTC)


class FieldInput:
    """One file of a case. ``product``, ``version``, ``zone`` and ``layout`` describe the proxy that wrote it."""

    def __init__(
        self,
        name: str,
        *,
        product: Product = Product.KAMAILIO,
        version: str = "5.6",
        zone: tzinfo = UTC,
        layout: FieldLayout | None = None,
    ) -> None:
        path = CASES / name
        content = path.read_bytes()
        self.layout = layout or FieldLayout()
        reading = Reading(self.layout, zone, product, Version.parse(version), datetime(2026, 12, 1, tzinfo=UTC))
        self.format = detect(content[:8192], str(path))
        self.parsed: list[Parsed] = list(FORMATS[self.format](io.BytesIO(content), reading))

    @property
    def events(self) -> list[AccEvent]:
        return [record for record in self.parsed if isinstance(record, AccEvent)]

    @property
    def reasons(self) -> list[str]:
        """Why records were rejected."""
        return [record.reason for record in self.parsed if isinstance(record, Rejection)]

    @property
    def calls(self) -> dict[str, CallRecord]:
        """The calls by Call-ID; a Call-ID has one call in every case."""
        observed = [Observed(event, "proxy") for event in self.events]
        calls = fold(observed, {"proxy": Policy(self.layout)}, LATER).calls
        by_id = {call.call_id: call for call in calls}
        assert len(by_id) == len(calls)
        return by_id


def seconds(call: CallRecord) -> float | None:
    """Return the duration of a call."""
    return None if call.duration is None else call.duration / timedelta(seconds=1)
