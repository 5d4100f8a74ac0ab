from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from cdr.display.histogram import Bucket, Group
from cdr.display.histogram_svg import HEIGHT, HistogramBar, svg

NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)
COUNTS = st.fixed_dictionaries({group: st.integers(0, 10**9) for group in Group})
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))


@given(st.lists(st.tuples(COUNTS, TEXT, TEXT), max_size=5))
def test_bars_stay_in_the_drawing_and_show_every_group_that_is_there(
    told: list[tuple[dict[Group, int], str, str]],
) -> None:
    most = max((sum(counts.values()) for counts, _, _ in told), default=0) or 1
    columns = [
        HistogramBar(Bucket(NOON + timedelta(hours=at), NOON + timedelta(hours=at + 1), counts), title, address)
        for at, (counts, title, address) in enumerate(told)
    ]
    drawn = ElementTree.fromstring(svg(columns, most))
    bars = drawn.findall("{*}a")
    assert len(bars) == len(told)
    for bar, (counts, title, address) in zip(bars, told, strict=True):
        assert (bar.findtext("{*}title"), bar.get("href")) == (title, address)
        parts = [part for part in bar.findall("{*}rect") if part.get("class") != "hit"]
        assert [part.get("class") for part in parts] == [f"group-{group}" for group in Group if counts[group]]
        bottom = float(HEIGHT)
        for part in parts:
            height, top = float(part.get("height", "")), float(part.get("y", ""))
            assert height > 0
            assert abs(top + height - bottom) < 0.02
            bottom = top
        assert bottom > -0.02


def test_a_bar_tells_its_range_in_utc() -> None:
    column = HistogramBar(Bucket(NOON, NOON + timedelta(hours=1), dict.fromkeys(Group, 1)), "noon", "/calls/?a=1&b=2")
    drawn = svg([column], 10)
    assert re.search(r'href="/calls/\?a=1&amp;b=2" data-since="2026-05-31T12:00:00Z"', drawn)
    assert 'data-until="2026-05-31T13:00:00Z"' in drawn
