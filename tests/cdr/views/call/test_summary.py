"""A call as text for a ticket."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from cdr.views.call.summary import summary
from tests.factories import NOON, make_call

pytestmark = pytest.mark.django_db


def test_a_summary_says_what_is_known_and_where_to_look() -> None:
    call = make_call(
        caller="alice", callee="bob", started_at=NOON, answered_at=NOON, ended_at=NOON + timedelta(seconds=42),
        duration=timedelta(seconds=42), extra={"gw": "vienna"}, source_ip="192.0.2.7",
    )  # fmt: skip
    with timezone.override("UTC"):
        lines = summary(call, "https://accweb.example.net/calls/1/").splitlines()
    assert lines[0] == "Call: alice → bob"
    assert f"Started: {NOON:%Y-%m-%d %H:%M:%S} UTC" in lines
    assert "Duration: 0:42 (measured)" in lines
    assert "gw: vienna" in lines
    assert "Source IP: 192.0.2.7" in lines
    assert f"Call-ID: {call.call_id}" in lines
    assert lines[-1] == "https://accweb.example.net/calls/1/"


def test_hostile_text_takes_one_line() -> None:
    call = make_call(user_agent="phone\nState: Completed\u202e", extra={"a\nb": "c\r\nd"})
    text = summary(call, "x")
    assert "phone\nState" not in text
    assert "\u202e" not in text
    assert len([line for line in text.splitlines() if line.startswith("State: ")]) == 1


def test_numbers_stay_masked_in_a_summary(viewer: Client) -> None:
    call = make_call(caller="+4930123456")
    assert "0123456" not in viewer.get(f"/calls/{call.pk}/").context["summary"]
