"""The context that a format needs to parse a proxy's records, and the results of parsing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from cdr.events import AccEvent
from proxyconf.vocabulary.layout import FieldLayout
from proxyconf.vocabulary.products import Product, Version

USUAL_VERSION = Version(5, 6)


@dataclass(frozen=True, slots=True)
class Reading:
    """The proxy whose records are parsed.

    ``zone`` is the zone of its local time; ``received_at`` is the time of receipt, for records without a time.
    """

    layout: FieldLayout = field(default_factory=FieldLayout)
    zone: tzinfo = UTC
    product: Product = Product.KAMAILIO
    version: Version = USUAL_VERSION
    received_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


class Rejection(NamedTuple):
    """Accounting input that cannot be parsed. ``reason`` says where and why, and what would help."""

    raw: bytes
    reason: str


class Ignored(NamedTuple):
    """Input that is not accounting, such as other lines of a log."""


IGNORED = Ignored()

Parsed = AccEvent | Rejection | Ignored
"""The result of parsing one record."""
