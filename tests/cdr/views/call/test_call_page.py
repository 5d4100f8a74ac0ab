from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client

from cdr.calls.correlate import correlate_pending, mark_all
from cdr.correlation.record import Flag
from cdr.display import wording
from cdr.models import Call, Event
from cdr.views.call import call_page
from tests.cdr.storage.test_reread import proxy_of, take_scenario
from tests.cdr.views.call.call_pages import CALL_ID, START, STOP, accounted, shown, text_of, told
from tests.factories import NOON, make_call, make_event
from tests.recorded_scenarios import DIAMETER, EVENTS, JSON, RADIUS, SCENARIOS, SQL, SYSLOG

pytestmark = pytest.mark.django_db


def test_the_page_tells_who_what_when_and_how_it_is_known(analyst: Client) -> None:
    call = accounted(START | {"extra": [["src_user", "alice"], ["dst_user", "bob"]]}, STOP)
    text = text_of(shown(analyst, call))
    for said in ("alice", "bob", "Completed", "0:42", "From the answer to the end", "The callee sent the BYE", CALL_ID):
        assert said in text


def test_times_are_shown_in_utc_and_in_the_zone_of_the_proxys_clock(analyst: Client) -> None:
    text = text_of(shown(analyst, accounted(START, STOP, timezone="America/New_York")))
    assert "America/New_York" in text
    assert "2026-05-31 12:00:42" in text
    assert "2026-05-31 08:00:42" in text


def test_every_event_is_shown_with_its_rule_and_its_input_as_received(analyst: Client) -> None:
    call = accounted(START | {"raw": b"first;ua=\xff<b>\r\n"}, STOP | {"raw": b"second"})
    html = shown(analyst, call)
    assert r'first;ua=<span class="mark">\xff</span>&lt;b&gt;' in html
    assert "second" in html
    assert re.findall(r'<span class="rule" title=".*?">(.*?)</span>', html) == ["START", "STOP"]


def test_an_event_of_another_call_of_the_call_id_leads_there(analyst: Client) -> None:
    call = accounted(START, STOP, START | {"to_tag": "c", "time": NOON + timedelta(seconds=1)})
    other = Call.objects.exclude(pk=call.pk).get()
    html = shown(analyst, call)
    assert f'<a href="/calls/{other.pk}/">other call</a>' in html
    assert "Calls with the same Call-ID" in html


def test_more_events_than_one_reads_are_cut_and_counted(analyst: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_page, "MOST_EVENTS", 2)
    again = [START | {"time": NOON + timedelta(seconds=second)} for second in range(1, 4)]
    assert "and 3 more events" in text_of(shown(analyst, accounted(START, *again, STOP)))


def test_one_event_more_is_counted_as_one(analyst: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_page, "MOST_EVENTS", 1)
    assert "and 1 more event with this Call-ID" in text_of(shown(analyst, accounted(START, STOP)))


def test_a_call_without_stop_says_that_its_end_is_unknown_and_shows_none(analyst: Client) -> None:
    text = text_of(shown(analyst, accounted(START)))
    assert "No STOP" in text
    assert "Unknown: no STOP" in text
    assert "The duration was not recorded" in text


def test_a_call_without_start_says_so(analyst: Client) -> None:
    text = text_of(shown(analyst, accounted(STOP)))
    assert "No START" in text
    assert "Unknown: no START" in text
    assert "caller and callee may be swapped" in text


def test_an_unanswered_call_shows_its_attempts_and_no_duration(analyst: Client) -> None:
    missed = {"kind": "missed", "code": 486, "reason": "Busy Here", "to_tag": "x"}
    text = text_of(shown(analyst, accounted(missed)))
    assert "Failed attempts" in text
    assert "486 Busy Here" in text
    assert "none: not answered" in text


def test_legs_are_shown_as_a_route_and_row_by_row(analyst: Client) -> None:
    call = make_call()
    for position, (source, destination) in enumerate([("alice", "bob"), ("bob", "carol"), (None, "dave")]):
        call.legs.create(position=position, source=source, destination=destination, values={"leg_type": "7"})
    html = shown(analyst, call)
    route = re.search(r'<p class="route">(.*?)</p>', html, re.DOTALL)
    assert route
    hops = re.findall(r'class="(?:party|muted)">(?:<bdi>)?(.*?)<', route[1])
    assert hops == ["alice", "bob", "carol", "?", "dave"]
    assert re.search(r"leg_type\s*=\s*7", text_of(html))


def test_each_flag_is_explained(analyst: Client) -> None:
    text = text_of(shown(analyst, make_call(flags=list(Flag))))
    for word in wording.FLAGS.values():
        assert str(word.meaning).replace("'", "&#x27;") in text


def test_what_a_later_event_changed_is_shown_like_the_page_shows_it(analyst: Client) -> None:
    call = make_call(revision=2)
    changes = {
        "state": ["stop_missing", "completed"],
        "ended_at": [None, "2026-05-31T12:00:42Z"],
        "duration": [None, 42.5],
        "flags": [[], ["late_stop"]],
        "extra": [{}, {"a": "<b>"}],
    }
    call.revisions.create(revision=2, at=NOON, changes=changes)
    text = text_of(shown(analyst, call))
    for said in ("No STOP", "2026-05-31 12:00:42", "42.5 s", "Late STOP", "&lt;b&gt;"):
        assert said in text


def test_a_superseded_call_leads_to_the_one_that_took_its_place(analyst: Client) -> None:
    current = make_call(call_id="same@host")
    old = make_call(call_id="same@host", superseded=True, flags=["superseded"])
    html = shown(analyst, old)
    assert "Merged into another call." in html
    assert f'href="/calls/{current.pk}/"' in html


def test_the_parties_lead_to_all_their_calls(analyst: Client) -> None:
    assert "/calls/?caller=%2B4930" in shown(analyst, make_call(caller="+4930"))


def test_the_ladder_is_drawn_from_the_events_and_leads_to_them(analyst: Client) -> None:
    html = shown(analyst, accounted(START, STOP))
    start, stop = Event.objects.order_by("time")
    assert re.findall(r'<a class="message" href="#(event-\d+)"', html) == [f"event-{start.pk}", f"event-{stop.pk}"]
    assert f'<tr id="event-{start.pk}"' in html


def test_the_ladder_can_be_downloaded_as_a_file_of_its_own(analyst: Client) -> None:
    call = accounted(START | {"extra": [["src_user", "<script>\u202e\ufffe"], ["dst_user", "bob"]]}, STOP)
    response = analyst.get(f"/calls/{call.pk}/ladder.svg")
    assert response.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert f'filename="call-{call.pk}-ladder.svg"' in response.headers["Content-Disposition"]
    root = ElementTree.fromstring(response.content)
    assert "<script>U+202E\ufffd" in "".join(root.itertext())


def test_there_is_no_ladder_of_no_call(analyst: Client) -> None:
    assert analyst.get("/calls/999/ladder.svg").status_code == 404


def test_the_start_stands_first_among_the_events_of_a_second(analyst: Client) -> None:
    html = shown(analyst, accounted(STOP | {"time": NOON}, START))
    assert re.findall(r'<span class="rule" title=".*?">(.*?)</span>', html) == ["START", "STOP"]


def test_the_timeline_says_which_rule_used_an_event_and_when_a_clock_is_ahead(analyst: Client) -> None:
    text = text_of(shown(analyst, accounted(START | {"received_at": NOON - timedelta(minutes=2)})))
    assert "The first 2xx to an INVITE of this dialog: the call was answered." in text
    assert "2:00 early" in text


def test_a_late_stop_tells_what_it_changed_in_words(analyst: Client) -> None:
    call = accounted(START)
    make_event(source=Event.objects.get().source, call_id=CALL_ID, **STOP)
    mark_all()
    correlate_pending(now=NOON + timedelta(days=2))
    text = text_of(shown(analyst, call))
    assert "Revision 2" in text
    assert re.search(r"ended ?: unknown → to 2026-05-31 12:00:42", text)
    assert re.search(r"state ?: warning No STOP → to check Completed", text)


def test_calls_between_the_same_parties_within_five_minutes_are_shown(analyst: Client) -> None:
    call = make_call(caller="ann", callee="bea")
    back = make_call(caller="bea", callee="ann", started_at=NOON + timedelta(minutes=4))
    later = make_call(caller="ann", callee="bea", started_at=NOON + timedelta(minutes=6))
    other = make_call(caller="ann", callee="zoe")
    html = shown(analyst, call)
    assert "Nearby calls, same parties" in html
    assert f'data-href="/calls/{back.pk}/"' in html
    assert f'data-href="/calls/{later.pk}/"' not in html
    assert f'data-href="/calls/{other.pk}/"' not in html


def test_more_calls_in_these_minutes_than_are_looked_through_are_said(
    analyst: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_page, "MOST_SEARCHED", 2)
    call = make_call(caller="ann", callee="bea")
    make_call(caller="ann", callee="bea", started_at=NOON + timedelta(seconds=1))
    assert "there may be others" not in shown(analyst, call)
    make_call(started_at=NOON + timedelta(seconds=2))
    assert "there may be others" in shown(analyst, call)


def test_calls_without_parties_are_related_to_none(analyst: Client) -> None:
    call = make_call(caller=None, callee=None)
    make_call(caller=None, callee=None)
    assert "Nearby calls, same parties" not in shown(analyst, call)


def test_the_tracer_is_linked_to_where_there_is_one(analyst: Client, settings: Any) -> None:
    call = make_call(call_id="a&b@h")
    assert "Open SIP trace" not in shown(analyst, call)
    settings.TRACER_URL = "https://homer.example/?c={call_id}"
    assert 'href="https://homer.example/?c=a%26b%40h"' in shown(analyst, call)


# --- zones ------------------------------------------------------------------------------------------------------------


def test_all_times_of_the_page_are_in_the_zone_that_its_address_names(analyst: Client) -> None:
    call = accounted(START, STOP, timezone="America/New_York")
    html = analyst.get(f"/calls/{call.pk}/?zone=America/New_York").text
    assert "Time (America/New_York)" in html
    assert re.search(r'id="event-\d+".*?2026-05-31 08:00:00', html, re.DOTALL)
    assert f"/calls/{call.pk}/ladder.svg?zone=America%2FNew_York" in html
    assert "08:00:42" in analyst.get(f"/calls/{call.pk}/ladder.svg?zone=America/New_York").text
    assert "2026-05-31 12:00:42" in html  # UTC stands beside it


def test_links_to_other_calls_keep_the_zone(analyst: Client) -> None:
    call = make_call(call_id="one@host", caller="ann", callee="bea")
    related = make_call(call_id="one@host", identity=b"other", caller="ann", callee="bea")
    parallel = make_call(caller="ann", callee="bea")
    html = analyst.get(f"/calls/{call.pk}/?zone=Asia/Kolkata").text
    for other in (related, parallel):
        assert f'href="/calls/{other.pk}/?zone=Asia%2FKolkata"' in html
        assert f'data-href="/calls/{other.pk}/?zone=Asia%2FKolkata"' in html
    assert 'href="/calls/?caller=ann&amp;zone=Asia%2FKolkata"' in html


def test_a_zone_that_there_is_not_is_not_handed_on(analyst: Client) -> None:
    html = analyst.get(f"/calls/{make_call().pk}/?zone=Mars/Olympus").text
    assert "Mars%2FOlympus" not in html[html.index('class="call-head"') :]


def test_a_zone_that_is_none_is_named_and_the_page_is_shown(analyst: Client) -> None:
    html = analyst.get(f"/calls/{make_call().pk}/?zone=Mars/Olympus<b>").text
    assert "“Mars/Olympus&lt;b&gt;” is not a valid time zone" in html


def test_a_zone_that_is_likely_wrong_is_said_with_what_to_do(analyst: Client) -> None:
    row = START | {"backend": "sql", "time": NOON + timedelta(hours=2), "raw": b"{}"}
    text = text_of(shown(analyst, accounted(START, row)))
    assert "The time zone of proxy edge-1 is probably wrong" in text
    assert "manage.py source reread edge-1" in text


def test_how_answer_end_duration_and_who_hung_up_are_known_is_said_with_the_events(analyst: Client) -> None:
    html = shown(analyst, accounted(START, START | {"backend": "sql", "raw": b"{}"}, STOP))
    assert told(html, "Answered").endswith("event 1, event 2")
    assert told(html, "Ended").endswith("event 3")
    assert told(html, "Duration").endswith("event 1, event 3")
    assert told(html, "Released by").endswith("its From tag is the callee&#x27;s tag. event 3")


def test_an_end_that_only_the_proxys_own_record_tells_is_said_to_be_so(analyst: Client) -> None:
    record = {
        "kind": "cdr",
        "code": 200,
        "ended_at": NOON + timedelta(seconds=9),
        "duration_us": 9_000_000,
        "backend": "sql",
    }
    html = shown(analyst, accounted(record))
    assert told(html, "Ended") == "End time of the proxy&#x27;s dialog record. event 1"
    assert told(html, "Duration").endswith("event 1")


def test_the_last_sign_of_life_is_named_where_a_duration_is_only_bounded(analyst: Client) -> None:
    again = START | {"time": NOON + timedelta(seconds=30), "raw": b"again"}
    assert told(shown(analyst, accounted(START, again)), "Duration").endswith("event 1, event 2")


def test_what_nobody_told_is_said_to_be_so(analyst: Client) -> None:
    html = shown(analyst, accounted(START))
    assert told(html, "Ended") == "No BYE was recorded."
    assert told(html, "Duration") == "unknown The duration was not recorded."


def test_the_timeline_tells_the_time_between_events_and_long_silences(analyst: Client) -> None:
    text = text_of(shown(analyst, accounted(START, STOP)))
    assert "0:42 without an event" in text
    assert "+0:42" in text


def test_the_parts_of_the_page_can_be_gone_to_and_are_counted(analyst: Client) -> None:
    html = shown(analyst, accounted(START, STOP))
    targets = re.findall(r'<a href="#([a-z]+)">', html[: html.index("call-grid")])
    assert targets == ["times", "events", "ladder", "raw", "notes"]
    assert not [target for target in targets if f'id="{target}"' not in html]


def test_a_superseded_call_says_that_its_events_belong_to_the_other(analyst: Client) -> None:
    current = make_call(call_id="same@host")
    old = make_call(call_id="same@host", identity=b"old", superseded=True, flags=["superseded"])
    text = text_of(shown(analyst, old))
    assert "which replaces it and has its events" in text
    assert f"(before they moved to call {current.pk})" in text


RAW = [
    (SYSLOG, "method"),
    (SQL, "method"),
    (RADIUS, "from_tag"),
    (DIAMETER, "method"),
    (JSON, "method"),
    (EVENTS, "method"),
]


@pytest.mark.parametrize(("files", "label"), RAW, ids=["syslog", "sql", "radius", "diameter", "json", "events"])
def test_what_was_taken_from_the_raw_input_is_marked_in_every_kind_of_it(
    files: dict[str, str], label: str, analyst: Client
) -> None:
    scenario = next(one for one in SCENARIOS if one.has(files) and list(one.events(files)))
    take_scenario(scenario, proxy_of(scenario), files)
    call = Call.objects.filter(state="completed")[0]
    html = shown(analyst, call)
    for field in (label, "call_id", "to_tag"):
        assert f'<mark class="field-mark" title="{field}">' in html
