"""Whatever a proxy sends is shown as harmless text, whole and without breaking the page."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse_lazy

from cdr.columns import COLUMNS
from cdr.models import Call, Event, Rejected, Source
from tests.factories import NOON, make_call, make_event, make_proxy, make_rejected, make_source

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
QUOTES = "\"' onmouseover='alert(1)' x=\""
TEMPLATE = "{{ 7|add:7 }}{% now 'Y' %}"
ENTITY = "&lt;b&gt; %3Cscript%3E"
TURNED = "abc\u202egpj.exe\u2066\u200b\x07"
LONG = "Z" * 10_000
HOSTILE = [SCRIPT, QUOTES, TEMPLATE, ENTITY, TURNED, "=cmd|' /C calc'!A0", "javascript:alert(1)", LONG]
ALL = " ".join(HOSTILE)


class Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self._within = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        self.attributes.update(name for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            self.scripts.append(data)
        self.text += data


@pytest.fixture
def hostile_call(db: None) -> Call:
    proxy = make_proxy(name="edge-1")
    source = make_source(proxy=proxy, name="import", error=ALL)
    call = make_call(
        call_id=ALL,
        from_tag=ALL,
        to_tag=ALL,
        caller=ALL,
        callee=ALL,
        source_ip=ALL,
        user_agent=ALL,
        sip_reason=ALL,
        extra={"ua": ALL, ALL: ALL},
        proxies=["edge-1"],
        state="stop_missing",
    )
    call.legs.create(position=0, source=ALL, destination=ALL, type=ALL, values={ALL: ALL})
    call.attempts.create(position=0, code=486, reason=ALL, to_tag=ALL, time=NOON)
    call.revisions.create(
        revision=2, at=NOON, changes={"caller": [None, ALL], "extra": [{}, {ALL: ALL}], ALL: [ALL, ALL]}
    )
    make_event(
        source=source,
        call_id=ALL,
        from_tag=ALL,
        to_tag=ALL,
        reason=ALL,
        method=ALL,
        extra=[[ALL, ALL]],
        legs=[[[ALL, ALL]]],
        raw=ALL.encode() + b"\xff\xfe",
    )
    make_rejected(source=source, raw=ALL.encode() + b"\xff", reason=ALL)
    return call


PAGES = {
    "start": "/",
    "list": "/calls/",
    "list by hostile conditions": reverse_lazy(
        "cdr:call-list", query={"caller": SCRIPT, "callee": QUOTES, "call_id": ALL, "after": SCRIPT, "proxy": "<b>"}
    ),
    "list with all columns": reverse_lazy(
        "cdr:call-list",
        query={"columns": f"{','.join(column.name for column in COLUMNS)},extra.ua,extra.{SCRIPT}", "zone": SCRIPT},
    ),
    "list by hostile words": reverse_lazy("cdr:call-list", query={"word": SCRIPT, "number": SCRIPT, SCRIPT: QUOTES}),
    "row": "/calls/{call}/inside/",
    "call": "/calls/{call}/",
    "events": reverse_lazy("admin:cdr_event_changelist"),
    "event": "/admin/cdr/event/{event}/change/",
    "rejected": reverse_lazy("admin:cdr_rejected_changelist"),
    "rejected input": "/admin/cdr/rejected/{rejected}/change/",
    "health": "/health/",
    "health of a proxy": "/health/edge-1/",
    "sources": reverse_lazy("admin:cdr_source_changelist"),
    "source": "/admin/cdr/source/{source}/change/",
}


@pytest.fixture(params=PAGES.values(), ids=PAGES)
def html(request: pytest.FixtureRequest, hostile_call: Call, admin_client: Client) -> str:
    stored = {"call": Call, "event": Event, "rejected": Rejected, "source": Source}
    keys = {name: model.objects.values_list("pk", flat=True)[0] for name, model in stored.items()}
    response = admin_client.get(str(request.param).format(**keys))
    assert response.status_code == 200
    return response.text


def test_nothing_of_it_becomes_markup(html: str) -> None:
    page = Page(html)
    assert not [script for script in page.scripts if "alert" in script]
    assert "onmouseover" not in page.attributes
    assert not [link for link in page.links if link.lower().startswith("javascript:")]


def test_nothing_of_it_is_hidden_or_turns_the_reading_direction(html: str) -> None:
    assert not [character for character in "\u202e\u2066\u200b\x07" if character in Page(html).text]


def test_a_page_of_long_values_is_still_a_page(html: str) -> None:
    assert len(html) < 1_000_000


def test_the_call_shows_hostile_values_whole(admin_client: Client, hostile_call: Call) -> None:
    text = Page(admin_client.get(f"/calls/{hostile_call.pk}/").text).text
    for value in (SCRIPT, QUOTES, TEMPLATE, ENTITY, LONG, "U+202E", "\\xff"):
        assert value in text


def test_the_api_gives_hostile_values_back_as_they_are(admin_client: Client, hostile_call: Call) -> None:
    response = admin_client.get(f"/api/v1/calls/{hostile_call.pk}/")
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["caller"] == ALL
    assert response.headers["X-Content-Type-Options"] == "nosniff"
