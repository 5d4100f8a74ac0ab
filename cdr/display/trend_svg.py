"""A small chart as SVG, pure: columns, and lines over them; each column may be a link.

The drawing is stretched to its place, so it holds no text; the table beside it has the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

HEIGHT = 100
_LEAST, _GAP = 1.0, 0.16


class TrendColumn(NamedTuple):
    """A value with what it says and where it leads (nothing: nowhere). ``None``: there is no value."""

    value: float | None
    title: str
    address: str = ""


def columns_svg(columns: Sequence[TrendColumn], before: Sequence[float | None] = ()) -> str:
    """Return columns, as high as the drawing for the largest value; ``before`` is a faint line over them.

    The line is cut at the top where it is more than half as high again.
    """
    highest = max((one.value or 0 for one in columns), default=0) or 1
    most = max(highest, min(max((value or 0 for value in before), default=0), highest * 1.5))
    body = "".join(_column(place, one, most) for place, one in enumerate(columns))
    line = f'<path class="before" d="{_path(before, most)}"/>' if any(value is not None for value in before) else ""
    return _drawing("trend-columns", len(columns), body + line)


def line_svg(values: Sequence[float | None], before: Sequence[float | None] = (), *, most: float) -> str:
    """Return a line, broken where there is no value, over a fainter one of the time ``before``; ``most`` is the top."""
    older = f'<path class="before" d="{_path(before, most)}"/>' if any(value is not None for value in before) else ""
    newer = f'<path class="now" d="{_path(values, most)}"/>'
    return _drawing("trend-line", max(len(values), len(before)), f"{older}{newer}{_dots(values, most)}")


def _drawing(name: str, width: int, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" aria-hidden="true" focusable="false"'
        f' preserveAspectRatio="none" viewBox="0 0 {max(width, 1)} {HEIGHT}">{body}</svg>'
    )


def _column(place: int, column: TrendColumn, most: float) -> str:
    height = max(column.value * HEIGHT / most, _LEAST) if column.value else 0
    bar = (
        f'<rect class="column" x="{place + _GAP / 2:.2f}" y="{HEIGHT - height:.2f}" width="{1 - _GAP:.2f}"'
        f' height="{height:.2f}"/>'
    )
    hit = f'<rect class="hit" x="{place}" width="1" height="{HEIGHT}"/>'
    inside = f"<title>{escape(column.title)}</title>{hit}{bar}"
    return f'<a tabindex="-1" href="{escape(column.address)}">{inside}</a>' if column.address else f"<g>{inside}</g>"


def _y(value: float, most: float) -> float:
    return HEIGHT - min(value / most, 1.0) * HEIGHT


def _path(values: Sequence[float | None], most: float) -> str:
    """Return the line through the middle of each place; it is lifted where a value is missing."""
    drawn, pen = [], "M"
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        drawn.append(f"{pen}{place + 0.5} {_y(value, most):.2f}")
        pen = "L"
    return "".join(drawn)


def _dots(values: Sequence[float | None], most: float) -> str:
    """Return a point for each value that has no neighbour, which a line would not show."""
    alone = [
        (place, value)
        for place, value in enumerate(values)
        if value is not None and not any(_has(values, place + by) for by in (-1, 1))
    ]
    return "".join(f'<path class="now" d="M{place + 0.3} {_y(value, most):.2f}h0.4"/>' for place, value in alone)


def _has(values: Sequence[float | None], place: int) -> bool:
    return 0 <= place < len(values) and values[place] is not None
