"""Small charts: what is drawn for which values."""

from __future__ import annotations

from xml.etree import ElementTree

from cdr.display.trend_svg import TrendColumn, columns_svg, line_svg

NAMESPACE = "{http://www.w3.org/2000/svg}"


def test_the_largest_value_is_as_high_as_the_drawing() -> None:
    drawn = ElementTree.fromstring(columns_svg([TrendColumn(5, "a"), TrendColumn(10, "b"), TrendColumn(None, "c")]))
    heights = [float(one.attrib["height"]) for one in drawn.iter(f"{NAMESPACE}rect") if one.get("class") == "column"]
    assert heights == [50.0, 100.0, 0.0]


def test_a_column_leads_somewhere_and_says_what_it_is_as_text() -> None:
    drawn = columns_svg([TrendColumn(1, "<b>", "/calls/?a=1&b=2")])
    assert "<title>&lt;b&gt;</title>" in drawn
    assert 'href="/calls/?a=1&amp;b=2"' in drawn


def test_an_earlier_peak_is_cut_and_does_not_flatten_the_columns() -> None:
    drawn = columns_svg([TrendColumn(10, "a")], before=[1000.0])
    assert 'd="M0.5 0.00"' in drawn
    assert 'height="66.67"' in drawn


def test_a_line_is_broken_where_there_is_no_value_and_a_value_alone_is_a_point() -> None:
    drawn = line_svg([0.5, 1.0, None, 0.25], [None, 0.5], most=1.0)
    assert 'class="now" d="M0.5 50.00L1.5 0.00M3.5 75.00"' in drawn
    assert 'class="now" d="M3.3 75.00h0.4"' in drawn
    assert 'class="before" d="M1.5 50.00"' in drawn
