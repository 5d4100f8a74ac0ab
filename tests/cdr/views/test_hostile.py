"""Whatever a proxy sends is shown as harmless text, whole and without breaking the page, wherever it is shown."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from xml.etree import ElementTree

import openpyxl
import pyarrow.parquet
import pytest
from django.contrib.auth.models import User
from django.test import Client

from cdr.models import Call
from tests.addresses import all_names
from tests.hostile import (
    ALL,
    CONTROLS,
    ENTITY,
    LONG,
    NOT_SHOWN,
    NOT_SHOWN_BELOW,
    QUOTES,
    SCRIPT,
    SHOWN,
    TEMPLATE,
    UNDECODED,
    addresses,
    shortly,
    store,
)

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]
_NAME = re.compile(r"[A-Za-z_:@.][A-Za-z0-9_:@.-]*")
_OF_FORMS = ("value", "name", "content", "data-csrf")  # what is sent again as it came
_SCHEMES = ("javascript:", "data:", "vbscript:")


class Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[str] = []
        self.elements: set[str] = set()
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self._within = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        self.elements.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            self.scripts.append(data)
        elif self._within != "textarea":
            self.text += data


def faults_of_page(html: str) -> Iterator[str]:
    """Yield what a page's markup lets through, each with where."""
    page = Page(html)
    if any("alert(1)" in script and "\\u003Cscript" not in script for script in page.scripts):
        yield "a script of theirs"
    for name, values in page.attributes.items():
        if not _NAME.fullmatch(name) or name in ("onmouseover", "onerror"):
            yield f"the attribute {name!r}"
        for value in values:
            if name in ("href", "src", "action", "hx-get") and value.strip().lower().startswith(_SCHEMES):
                yield f"a link to {value[:40]!r}"
            if name not in _OF_FORMS and ("<bdi>" in value or 'class="mark"' in value):
                yield f"markup in {name}: {value[:80]!r}"
            if name not in _OF_FORMS and any(character in value for character in CONTROLS):
                yield f"hidden characters in {name}: {value[:80]!r}"
    for character in CONTROLS:
        if character in page.text:
            at = page.text.index(character)
            yield f"{character!r} in text: {page.text[max(0, at - 60) : at + 20]!r}"
    if len(html) > 1_500_000:
        yield f"{len(html)} characters"


def faults_of_drawing(svg: bytes) -> Iterator[str]:
    text = svg.decode()
    for element in ElementTree.fromstring(text).iter():
        if element.tag.rpartition("}")[2] in ("script", "foreignObject", "img"):
            yield f"the element {element.tag}"
        if any(name.rpartition("}")[2].startswith("on") for name in element.attrib):
            yield "an event handler"
    if any(character in text for character in CONTROLS):
        yield "hidden characters"


def faults_of_csv(file: bytes) -> Iterator[str]:
    for row in csv.reader(io.StringIO(file.decode(), newline="")):
        for cell in row:
            if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
                yield f"a formula: {cell[:40]!r}"


def faults_of_workbook(file: bytes) -> Iterator[str]:
    for row in openpyxl.load_workbook(io.BytesIO(file)).active.iter_rows():
        for cell in row:
            if cell.data_type == "f" or cell.hyperlink:
                yield f"a formula or link: {str(cell.value)[:40]!r}"


def faults(address: str, client: Client) -> Iterator[str]:
    """Yield what is wrong with the answer to ``address``."""
    response = client.get(address, follow=True)
    body = response.getvalue() if response.streaming else response.content
    kind = response.headers["Content-Type"].partition(";")[0]
    if response.headers.get("X-Content-Type-Options") != "nosniff":
        yield "a browser may guess what it is"
    if response.status_code not in (200, 400):
        yield f"status {response.status_code}"
    shown = kind in ("text/html", "image/svg+xml", "application/json", "text/plain")
    if not shown and not response.headers.get("Content-Disposition", "").startswith("attachment"):
        yield f"{kind} is opened in the browser"
    match kind:
        case "text/html":
            yield from faults_of_page(body.decode())
        case "image/svg+xml":
            yield from faults_of_drawing(body)
        case "application/json":
            json.loads(body)
        case "application/jsonl" | "application/x-ndjson":
            assert [json.loads(line) for line in body.splitlines()]
        case "text/csv":
            yield from faults_of_csv(body)
        case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
            yield from faults_of_workbook(body)
        case "application/vnd.apache.parquet":
            assert pyarrow.parquet.read_table(io.BytesIO(body)).num_rows
        case "text/plain":
            assert all(line.startswith(("#", "accweb_")) for line in body.decode().splitlines())  # for programs
        case _:
            yield f"nothing looks into {kind}"


@pytest.fixture
def hostile_call(admin_user: User) -> Call:
    return store(admin_user)


def test_every_address_is_known_to_show_something_of_calls_or_nothing() -> None:
    told = set(SHOWN) | NOT_SHOWN
    assert {name for name in all_names() - told if not name.startswith(NOT_SHOWN_BELOW)} == set()
    assert told - all_names() == set()


def test_it_is_harmless_wherever_it_is_shown(hostile_call: Call, admin_user: User, admin_client: Client) -> None:
    found = {
        shortly(address): wrong
        for address in addresses(hostile_call, admin_user)
        if (wrong := sorted(set(faults(address, admin_client))))
    }
    assert found == {}


def test_the_call_shows_hostile_values_whole(admin_client: Client, hostile_call: Call) -> None:
    text = Page(admin_client.get(f"/calls/{hostile_call.pk}/").text).text
    for value in (SCRIPT, QUOTES, TEMPLATE, ENTITY, LONG, UNDECODED, "U+202E", "\\xff"):
        assert value in text


def test_the_api_gives_hostile_values_back_as_they_are(admin_client: Client, hostile_call: Call) -> None:
    assert admin_client.get(f"/api/v1/calls/{hostile_call.pk}/").json()["caller"] == ALL


@pytest.mark.parametrize(
    "harm",
    [
        '<p title="a" onmouseover="b">',
        '<p title="a"b">',
        "<script>alert(1)</script>",
        "a\u202eb",
        '<a href="javascript:alert(1)">',
        '<p title="<bdi>x</bdi>">',
    ],
)
def test_the_check_of_pages_sees_harm(harm: str) -> None:
    assert list(faults_of_page(f"<main>{harm}</main>"))
