from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.core.management import CommandError, call_command

from cdr.calls.correlate import correlate_pending
from cdr.correlation.record import CallRecord
from cdr.formats.registry import FORMATS
from cdr.models import Call, CallRevision, Event, Pending, Source
from cdr.storage.ingest import reading_of, store
from cdr.storage.reread import CannotReread, RereadCounts, reread
from proxyconf.models import Proxy
from tests.factories import NOON, make_proxy, make_source
from tests.functional.test_recorded import LATER, check, one_for
from tests.recorded_scenarios import DETAIL, DIAMETER, EVENTS, JSON, RADIUS, SCENARIOS, SQL, SYSLOG, Scenario

pytestmark = pytest.mark.django_db

WRONG = "Asia/Kolkata"  # half an hour off the whole ones; no recorded proxy ran there
START = "2026-05-31 14:00:00"


def take(source: Source, form: str, content: bytes) -> None:
    store(source, FORMATS[form](io.BytesIO(content), reading_of(source.proxy, NOON)), format=form, received_at=NOON)


def proxy_of(scenario: Scenario, zone: str = "", *, knows_layout: bool = True) -> Proxy:
    reading = scenario.reading
    return make_proxy(
        product=reading.product.value,
        version=".".join(map(str, reading.version)),
        timezone=zone or str(reading.zone),
        layout=reading.layout.to_json() if knows_layout else {},
    )


def take_scenario(scenario: Scenario, proxy: Proxy, files: dict[str, str]) -> Source:
    source = make_source(proxy=proxy)
    for file, form in files.items():
        if content := scenario.bytes_of(file):
            take(source, form, content)
    correlate_pending(now=LATER)
    return source


def as_record(call: Call) -> CallRecord:
    """Return a stored call as the recorded scenarios' checks take it."""
    parts = {"legs": list(call.legs.all()), "attempts": list(call.attempts.all())}
    return cast(CallRecord, SimpleNamespace(**{**vars(call), **parts}))


def rows(*changes: dict[str, str], zone_of_text: str = START) -> bytes:
    """Return rows of the table ``acc``: by default a START at 14:00 of the proxy's clock."""
    usual = {
        "id": "1",
        "method": "INVITE",
        "from_tag": "a",
        "to_tag": "b",
        "callid": "4b1f@10.0.0.1",
        "sip_code": "200",
        "sip_reason": "OK",
        "time": zone_of_text,
    }
    text = StringIO()
    writer = csv.DictWriter(text, list(usual))
    writer.writeheader()
    writer.writerows(usual | {"id": str(number)} | change for number, change in enumerate(changes, 1))
    return text.getvalue().encode()


STOP = {"method": "BYE", "from_tag": "b", "to_tag": "a", "time": "2026-05-31 14:00:42"}


def corrected(proxy: Proxy, **fields: Any) -> None:
    Proxy.objects.filter(pk=proxy.pk).update(**fields)


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one.has(SQL)], ids=str)
def test_rows_read_in_a_wrong_zone_and_read_again_in_the_right_one_give_the_calls_on_the_wire(
    scenario: Scenario,
) -> None:
    proxy = proxy_of(scenario, WRONG)
    take_scenario(scenario, proxy, SYSLOG | SQL)
    corrected(proxy, timezone=str(scenario.reading.zone))
    reread(Event.objects.all())
    correlate_pending(now=LATER)
    calls = list(map(as_record, Call.objects.filter(superseded=False)))
    expected = scenario.expected if calls else []
    assert len(calls) == len(expected)
    for one in expected:
        known = not (scenario.reading.layout.detect_direction or scenario.name == "opensips-18-cdr")
        check(scenario, one, one_for(one, calls), knows_direction=known or one["outcome"] != "answered")


@pytest.mark.parametrize("files", [SYSLOG, SQL, RADIUS, DETAIL, DIAMETER, JSON, EVENTS], ids=lambda f: next(iter(f)))
def test_events_of_every_kind_of_input_that_were_read_rightly_stay_as_they_are(files: dict[str, str]) -> None:
    scenario = next(one for one in SCENARIOS if one.has(files) and list(one.events(files)))
    take_scenario(scenario, proxy_of(scenario), files)
    before = list(Event.objects.values_list("pk", "fingerprint"))
    counts = reread(Event.objects.all())
    assert counts == RereadCounts(read=len(before), same=len(before))
    assert list(Event.objects.values_list("pk", "fingerprint")) == before
    assert not Pending.objects.exists()


@pytest.mark.parametrize("files", [SYSLOG, SQL, JSON, EVENTS], ids=lambda f: next(iter(f)))
def test_events_read_without_the_layout_become_those_read_with_it(files: dict[str, str]) -> None:
    scenario = next(one for one in SCENARIOS if one.has(files) and one.reading.layout.legs and list(one.events(files)))
    wanted = sorted((event.extra, event.legs) for event in scenario.events(files))
    proxy = proxy_of(scenario, knows_layout=False)
    take_scenario(scenario, proxy, files)
    corrected(proxy, layout=scenario.reading.layout.to_json())
    reread(Event.objects.all())
    found = [
        (tuple(map(tuple, event.extra)), tuple(tuple(map(tuple, leg)) for leg in event.legs))
        for event in Event.objects.all()
    ]
    assert sorted(found) == wanted


def test_a_corrected_call_tells_the_correction_as_a_revision() -> None:
    proxy = make_proxy()
    take(make_source(proxy=proxy), "acc-csv", rows({}, STOP))
    correlate_pending(now=LATER)
    corrected(proxy, timezone="Europe/Berlin")
    assert reread(Event.objects.all()) == RereadCounts(read=2, replaced=2)
    correlate_pending(now=LATER)
    call = Call.objects.get()
    assert (call.started_at, call.revision) == (NOON, 2)
    assert CallRevision.objects.get().changes["started_at"] == [
        "2026-05-31T14:00:00+00:00",
        "2026-05-31T12:00:00+00:00",
    ]


def test_reading_again_twice_changes_nothing_more() -> None:
    proxy = make_proxy()
    take(make_source(proxy=proxy), "acc-csv", rows({}, STOP))
    corrected(proxy, timezone="Europe/Berlin")
    reread(Event.objects.all())
    correlate_pending(now=LATER)
    assert reread(Event.objects.all()) == RereadCounts(read=2, same=2)
    assert not Pending.objects.exists()


def test_what_was_broken_off_is_finished_by_reading_again() -> None:
    proxy = make_proxy()
    take(make_source(proxy=proxy), "acc-csv", rows(*({"callid": f"{number}@host"} for number in range(4))))
    corrected(proxy, timezone="Europe/Berlin")

    def stop(counts: RereadCounts, share: float) -> None:
        if counts.read == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reread(Event.objects.all(), on_progress=stop, batch=1)
    assert Event.objects.filter(time=NOON).count() == 2
    assert reread(Event.objects.all(), batch=1) == RereadCounts(read=4, same=2, replaced=2)


def test_the_same_row_read_in_both_zones_becomes_one_event() -> None:
    proxy = make_proxy()
    take(make_source(proxy=proxy), "acc-csv", rows({}))
    corrected(proxy, timezone="Europe/Berlin")
    take(make_source(proxy=Proxy.objects.get(), name="second"), "acc-csv", rows({}))
    assert reread(Event.objects.all()) == RereadCounts(read=2, same=1, merged=1)
    assert Event.objects.get().time == NOON


def test_rows_that_are_alike_but_for_an_hour_all_stay() -> None:
    """A refresh of the session each hour: what is moved must not be taken for what is moved next."""
    proxy = make_proxy()
    hourly = [{"id": "0", "time": f"2026-05-31 {hour}:00:00"} for hour in range(14, 18)]
    take(make_source(proxy=proxy), "acc-csv", rows(*hourly))
    corrected(proxy, timezone="Europe/Lisbon")  # an hour ahead of UTC
    reread(Event.objects.all())
    assert [event.time.hour for event in Event.objects.order_by("time")] == [13, 14, 15, 16]


def test_input_that_gives_no_event_any_more_stays_as_it_was_and_is_counted() -> None:
    proxy = make_proxy()
    take(make_source(proxy=proxy), "acc-csv", rows({}))
    corrected(proxy, layout={"columns": {"callid": "call_identification"}})
    assert reread(Event.objects.all()) == RereadCounts(read=1, unreadable=1)
    assert Event.objects.get().time == NOON + timedelta(hours=2)


def test_names_that_came_with_a_file_of_packets_are_not_lost() -> None:
    scenario = next(one for one in SCENARIOS if one.has(RADIUS))
    source = take_scenario(scenario, proxy_of(scenario), {})
    packet = json.loads((scenario.bytes_of("radius.jsonl") or b"").splitlines()[0])
    packet["attributes"] = [one | {"name": one["name"].replace("User-Name", "My-Name")} for one in packet["attributes"]]
    packet["attributes"].append({"type": 1, "name": "My-Name", "value": "x"})
    raw = bytes.fromhex(packet["raw"])
    grown = raw[:2] + (len(raw) + 3).to_bytes(2, "big") + raw[4:] + b"\x01\x03x"
    take(source, "radius-jsonl", json.dumps(packet | {"raw": grown.hex()}).encode())
    assert ["My-Name", "x"] in Event.objects.get().extra
    assert reread(Event.objects.all()) == RereadCounts(read=1, unreadable=1)


def test_the_newest_event_of_a_source_is_set_right() -> None:
    proxy = make_proxy()
    source = make_source(proxy=proxy)
    take(source, "acc-csv", rows({}))
    corrected(proxy, timezone="Europe/Berlin")
    reread(Event.objects.all())
    source.refresh_from_db()
    assert source.last_event_at == NOON


def test_only_the_events_asked_for_are_read_again() -> None:
    proxy = make_proxy()
    take(make_source(proxy=proxy, name="one"), "acc-csv", rows({}))
    take(make_source(proxy=proxy, name="other"), "acc-csv", rows({"callid": "another"}))
    corrected(proxy, timezone="Europe/Berlin")
    out = StringIO()
    call_command("source", "reread", "kam1/one", stdout=out)
    assert out.getvalue().startswith("re-parsed 1 events: 1 replaced, 0 merged")
    assert "`manage.py correlate`" in out.getvalue()
    assert Event.objects.filter(time=NOON).get().source.name == "one"


def test_a_proxy_that_is_not_there_is_refused() -> None:
    with pytest.raises(CommandError, match="unknown proxy 'kam9'"):
        call_command("source", "reread", "kam9")


def test_a_dictionary_that_is_gone_is_named_and_nothing_is_read_without_it() -> None:
    scenario = next(one for one in SCENARIOS if one.has(RADIUS))
    source = take_scenario(scenario, proxy_of(scenario), RADIUS)
    settings = {"clients": ["10.0.0.0/8"], "secret": "s", "dictionary": "/nowhere/dictionary"}
    source.kind, source.settings = Source.Kind.RADIUS, settings
    source.save()
    with pytest.raises(CannotReread, match=r"kam1/import.*/nowhere/dictionary"):
        reread(Event.objects.all())
