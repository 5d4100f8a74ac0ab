from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from accweb.web.models import AuditEntry
from cdr.models import Call, Note, Settlement
from proxyconf.models import ProxyLimit
from tests.factories import NOON, make_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyst(client: Client) -> Client:
    """Logged in, with the permissions to note and settle."""
    user = User.objects.create_user("bea", is_staff=True)
    names = ["view_call", "add_note", "add_settlement", "change_settlement"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names, content_type__app_label="cdr"))
    client.force_login(user)
    return client


@pytest.fixture
def call() -> Call:
    """A call whose STOP never came."""
    return make_call(state="stop_missing", ended_at=None, duration=None, duration_kind="unknown")


def page(client: Client, call: Call) -> str:
    return client.get(f"/calls/{call.pk}/").text


def test_a_note_stands_on_the_page_with_author_and_harmless(analyst: Client, call: Call) -> None:
    response = analyst.post(f"/calls/{call.pk}/notes/", {"text": "<script>\nasked the carrier\u202e"})
    assert response.headers["Location"] == f"/calls/{call.pk}/#notes"
    html = page(analyst, call)
    assert "&lt;script&gt;</bdi>\n<bdi>asked the carrier" in html
    assert "bea" in html
    assert Note.objects.get().author.username == "bea"


def test_an_empty_note_is_refused_in_words(analyst: Client, call: Call) -> None:
    html = analyst.post(f"/calls/{call.pk}/notes/", {"text": " "}).text
    assert '<a href="#id_text">Note</a>: This field is required.' in html
    assert not Note.objects.exists()


def test_an_end_settled_by_hand_shows_everywhere_as_such(analyst: Client, call: Call) -> None:
    form = {"ended_at": "2026-05-31T12:00:42", "reason": "phone log"}
    analyst.post(f"/calls/{call.pk}/settlement/", form)
    html = page(analyst, call)
    assert "no STOP: end set manually" in html  # the ladder
    assert "The end is unknown" not in html
    assert "phone log" in html
    for shown in (html, analyst.get("/calls/").text):
        assert "state-settled" in shown
        assert "0:42" in shown
    assert analyst.get(f"/api/v1/calls/{call.pk}/").json()["settlement"]["by"] == "bea"
    assert analyst.get("/api/v1/calls/").json()["results"][0]["settlement"]["duration"] == 42


def test_an_unknown_end_can_be_settled_and_revoked(analyst: Client, call: Call) -> None:
    analyst.post(f"/calls/{call.pk}/settlement/", {"unknown": "on", "reason": "nobody knows"})
    assert "End marked as unknown" in page(analyst, call)
    analyst.post(f"/calls/{call.pk}/settlement/revoke/")
    html = page(analyst, call)
    assert "revoked" in html
    assert "state-settled" not in html


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"reason": "x"}, "Enter the end time, or mark the end as unknown."),
        (
            {"reason": "x", "unknown": "on", "ended_at": "2026-05-31T12:00:42"},
            "Enter the end time, or mark the end as unknown.",
        ),
        ({"reason": "x", "ended_at": "noon"}, "is not a valid date or time"),
        ({"ended_at": "2026-05-31T12:00:42"}, '#id_reason">Reason</a>: This field is required.'),
        ({"reason": "x", "ended_at": "2026-05-31T11:00"}, "The end time is before the answer."),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(form: dict[str, str], said: str, analyst: Client, call: Call) -> None:
    assert said in analyst.post(f"/calls/{call.pk}/settlement/", form, follow=True).text
    assert not Settlement.objects.exists()


def test_a_settlement_that_a_stop_overtook_says_so(analyst: Client, call: Call) -> None:
    Settlement.objects.create(call=call, reason="x", by=User.objects.get(), at=timezone.now())
    Call.objects.update(state="completed", ended_at=NOON + timedelta(seconds=2))
    html = page(analyst, call)
    assert "replaced" in html
    assert "state-settled" not in html


def test_who_may_only_view_is_shown_no_form_and_refused(viewer: Client, call: Call) -> None:
    html = page(viewer, call)
    assert "hand-form" not in html
    for path in ("notes/", "settlement/", "settlement/revoke/"):
        response = viewer.post(f"/calls/{call.pk}/{path}", {"text": "x", "unknown": "on", "reason": "x"})
        assert response.status_code == 403
    assert not Note.objects.exists()
    assert not Settlement.objects.exists()


def test_nothing_is_done_by_following_a_link(analyst: Client, call: Call) -> None:
    for path, section in (("notes/", "notes"), ("settlement/", "settlement"), ("settlement/revoke/", "settlement")):
        response = analyst.get(f"/calls/{call.pk}/{path}?unknown=on&reason=x&text=x")
        assert response.headers["Location"] == f"/calls/{call.pk}/#{section}"
    assert not Note.objects.exists()
    assert not Settlement.objects.exists()


def test_a_refused_settlement_keeps_what_was_typed_and_shows_what_is_wrong_at_the_form(
    analyst: Client, call: Call
) -> None:
    html = analyst.post(
        f"/calls/{call.pk}/settlement/", {"ended_at": "2026-05-31T11:00:05", "reason": "a <b> typo"}
    ).text
    form = html[html.index("<details open>") : html.index("</details>", html.index("<details open>"))]
    assert "The end time is before the answer. Enter a later time." in form
    assert 'value="2026-05-31T11:00:05"' in form
    assert 'value="a &lt;b&gt; typo"' in form
    assert "autofocus" in form


def test_a_refused_note_keeps_its_text(analyst: Client, call: Call) -> None:
    text = "x" * 4_001
    html = analyst.post(f"/calls/{call.pk}/notes/", {"text": text}).text
    assert "at most 4000 characters" in html
    assert f">\n{text}</textarea>" in html


def test_a_time_is_taken_in_the_zone_that_the_page_shows(analyst: Client, call: Call) -> None:
    form = {"ended_at": "2026-05-31T14:00:42", "reason": "phone log"}
    response = analyst.post(f"/calls/{call.pk}/settlement/?zone=Europe/Berlin", form)
    assert response.headers["Location"] == f"/calls/{call.pk}/?zone=Europe%2FBerlin#settlement"
    assert Settlement.objects.get().ended_at == NOON + timedelta(seconds=42)


def test_notes_and_settlements_stand_in_the_audit_log(analyst: Client, call: Call) -> None:
    analyst.post(f"/calls/{call.pk}/notes/", {"text": "asked"})
    analyst.post(f"/calls/{call.pk}/settlement/", {"unknown": "on", "reason": "nobody knows"})
    analyst.post(f"/calls/{call.pk}/settlement/revoke/")
    told = [
        (entry.username, entry.action, entry.target)
        for entry in AuditEntry.objects.exclude(action="logged_in").order_by("at", "id")
    ]
    assert told == [
        ("bea", "added", f"note on call {call.pk}"),
        ("bea", "settled", f"call {call.pk}"),
        ("bea", "revoked", f"call {call.pk}"),
    ]


def test_a_call_out_of_reach_can_neither_be_noted_nor_settled(analyst: Client, call: Call) -> None:
    ProxyLimit.objects.create(user=User.objects.get())
    for path in ("notes/", "settlement/", "settlement/revoke/"):
        response = analyst.post(f"/calls/{call.pk}/{path}", {"text": "x", "unknown": "on", "reason": "x"})
        assert response.status_code == 404
    assert not Note.objects.exists()
    assert not Settlement.objects.exists()
