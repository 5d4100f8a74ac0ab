"""Draw the bars of a histogram as SVG: one column per bucket, stacked by group, each a link. Pure.

The drawing is stretched to its container, so it contains no text; axes, legend and table are separate in the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple

from cdr.display.histogram import Bucket, Group

HEIGHT = 100
_LEAST = 1.5  # minimum height, so that one call among thousands is visible
_GAP = 0.14  # of a column's width


class HistogramBar(NamedTuple):
    """A bucket with its tooltip and link."""

    bucket: Bucket
    title: str
    address: str


def svg(bars: Sequence[HistogramBar], most: int, before: Sequence[int] = ()) -> str:
    """Return the bars, ``HEIGHT`` units high for ``most`` calls and a unit wide each.

    ``before`` are the numbers of calls of an earlier time, drawn as a line over the bars and cut at the top.
    """
    body = "".join(_bar(index, bar, most) for index, bar in enumerate(bars))
    grid = "".join(f'<path class="grid" d="M0 {y}H{len(bars)}"/>' for y in (0, HEIGHT // 2))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="histogram-bars" aria-hidden="true" focusable="false"'
        f' preserveAspectRatio="none" viewBox="0 0 {len(bars)} {HEIGHT}">{grid}{body}{_line(before, most)}</svg>'
    )


def _line(before: Sequence[int], most: int) -> str:
    heights = (min(calls * HEIGHT / most, HEIGHT) for calls in before)
    points = "L".join(f"{place + 0.5} {HEIGHT - height:.2f}" for place, height in enumerate(heights))
    return f'<path class="before" d="M{points}"/>' if any(before) else ""


def _bar(index: int, bar: HistogramBar, most: int) -> str:
    bucket = bar.bucket
    return (
        f'<a class="bar" tabindex="-1" href="{escape(bar.address)}" data-since="{_iso(bucket.since)}"'
        f' data-until="{_iso(bucket.until)}"><title>{escape(bar.title)}</title>'
        f'<rect class="hit" x="{index}" width="1" height="{HEIGHT}"/>{"".join(_stack(index, bucket, most))}</a>'
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _stack(index: int, bucket: Bucket, most: int) -> Iterator[str]:
    """Yield the parts of a bar from bottom to top, each visible and all within the drawing."""
    counted = [(group, max(bucket.counts[group] * HEIGHT / most, _LEAST)) for group in Group if bucket.counts[group]]
    shrunk = min(1.0, HEIGHT / (sum(height for _, height in counted) or 1))
    y = float(HEIGHT)
    for group, height in counted:
        y -= height * shrunk
        yield (
            f'<rect class="group-{group}" x="{index + _GAP / 2:.2f}" y="{y:.2f}" width="{1 - _GAP:.2f}"'
            f' height="{height * shrunk:.2f}"/>'
        )
