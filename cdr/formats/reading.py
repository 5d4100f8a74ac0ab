"""What every format needs to know of the proxy, and what a format gives."""

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
    """The proxy whose records are read. ``zone`` is that of its local clock, ``received_at`` when the input came
    (for records that have no time of their own).
    """

    layout: FieldLayout = field(default_factory=FieldLayout)
    zone: tzinfo = UTC
    product: Product = Product.KAMAILIO
    version: Version = USUAL_VERSION
    received_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


class Rejection(NamedTuple):
    """Accounting input that cannot be understood: where it stood, what was read, why, and what would help."""

    raw: bytes
    reason: str


class Ignored(NamedTuple):
    """Input that is no accounting (any other line of a log)."""


IGNORED = Ignored()

Parsed = AccEvent | Rejection | Ignored
"""What one record of a source becomes."""
