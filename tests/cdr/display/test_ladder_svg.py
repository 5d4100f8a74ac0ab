from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cdr.display.ladder import Drawing, Gap, Hop, LadderNote, LadderRemark, Lifeline, Message, Side
from cdr.display.ladder_svg import Words, svg
from cdr.events import MILLISECOND

NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)
WORDS = Words(
    "Ladder of a call",
    "200: edge to alice",
    {side: side.value for side in Side},
    {note: note.value for note in LadderNote},
    "not logged",
    "leg",
)
COLUMNS = (Lifeline(Side.CALLER, "alice"), Lifeline(Side.PROXY, "edge"), Lifeline(Side.CALLEE, None))
DRAWING = Drawing(
    COLUMNS,
    (
        Message("INVITE", (Hop(0, 1, False), Hop(1, 2, False))),
        Message("200 OK", (Hop(2, 1, False), Hop(1, 0, True)), NOON, events=(7, 8), proxy_columns=(1,)),
        Gap(timedelta(seconds=42)),
        Message("BYE", (Hop(0, 1, True),), NOON + timedelta(seconds=42.25), MILLISECOND, directed=False),
        Message("486", (Hop(2, 1, True),), failed=True),
        LadderRemark(LadderNote.NO_STOP),
    ),
    ((0, 2),),
)


def parsed(drawn: Drawing = DRAWING, words: Words = WORDS, zone: str = "UTC") -> ElementTree.Element:
    return ElementTree.fromstring(svg(drawn, words, ZoneInfo(zone)))


def classes(element: ElementTree.Element) -> Counter[str]:
    return Counter(word for one in element.iter() for word in one.get("class", "").split())


def texts(element: ElementTree.Element) -> list[str]:
    return ["".join(one.itertext()) for one in element.iter("{http://www.w3.org/2000/svg}text")]


def test_the_drawing_has_a_line_for_each_column_and_an_arrow_for_each_hop() -> None:
    found = classes(parsed())
    assert (found["life"], found["hop"], found["head"], found["leg"]) == (3, 6, 5, 1)
    assert (found["failed"], found["remark"], found["seen"]) == (1, 1, 1)


def test_only_messages_that_nobody_told_are_drawn_as_inferred() -> None:
    messages = [one.get("class") for one in parsed().iter() if "message" in one.get("class", "")]
    assert messages == ["message inferred", "message", "message", "message failed"]


def test_it_says_its_name_and_what_it_shows() -> None:
    title, description, *_ = parsed()
    assert (title.text, description.text) == ("Ladder of a call", "200: edge to alice")
    assert parsed().get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"


def test_times_are_in_the_zone_with_the_date_where_it_changes_and_the_fraction_where_it_is_known() -> None:
    assert [text for text in texts(parsed(zone="Europe/Berlin")) if ":" in text] == [
        "2026-05-3114:00:00",
        "00:42",
        "14:00:42.250",
    ]


def test_events_are_led_to_from_a_page_alone() -> None:
    assert "href" not in svg(DRAWING, WORDS, UTC)
    linked = Words(**{name: getattr(WORDS, name) for name in Words.__slots__} | {"linked": True})
    assert 'href="#event-7"' in svg(DRAWING, linked, UTC)


def test_who_is_not_logged_is_said() -> None:
    assert "not logged" in texts(parsed())


@given(st.text(max_size=60))
def test_hostile_text_is_text(text: str) -> None:
    columns = (Lifeline(Side.CALLER, text), Lifeline(Side.PROXY, text))
    drawn = Drawing(columns, (Message(text, (Hop(0, 1, True),), failed=True, events=(1,)),))
    words = Words(text, text, dict.fromkeys(Side, text), dict.fromkeys(LadderNote, text), text, text, linked=True)
    root = parsed(drawn, words)
    assert {one.tag.rpartition("}")[2] for one in root.iter()} <= {
        *("svg", "title", "desc", "style", "line", "g", "rect", "text", "a", "path", "circle"),
    }
