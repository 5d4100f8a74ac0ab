from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cdr.models import Event, Source
from cdr.monitoring.zones import WrongZone, wrong_zones
from proxyconf.models import Proxy
from proxyconf.vocabulary.layout import Backend
from tests.cdr.storage.test_reread import STOP, corrected, rows, take
from tests.factories import NOON, make_event, make_proxy, make_source

pytestmark = pytest.mark.django_db
LOG = (
    b"ACC: transaction answered: timestamp=%d;method=INVITE;from_tag=a;to_tag=b;call_id=4b1f@10.0.0.1;code=200;"
    b"reason=OK\n"
)


def found() -> list[WrongZone]:
    return wrong_zones(Event.objects.select_related("proxy", "source"))


def logged(source: Source, *seconds: int) -> None:
    """Take what the log tells of a START so many seconds after noon."""
    take(source, "syslog", b"".join(LOG % (int(NOON.timestamp()) + second) for second in seconds))


def proxy_with_both(**fields: Any) -> Proxy:
    """Return a proxy whose clock shows 14:00 at noon, with a START that its log and its table tell."""
    proxy = make_proxy(**fields)
    source = make_source(proxy=proxy)
    logged(source, 0)
    take(source, "acc-csv", rows({}))
    return proxy


def test_a_row_whole_hours_off_the_log_betrays_the_wrong_zone_and_the_right_offset() -> None:
    proxy_with_both(timezone="UTC")
    (wrong,) = found()
    assert (wrong.backend, wrong.other, wrong.ahead) == (Backend.SQL, Backend.SYSLOG, timedelta(hours=2))
    assert wrong.offset == timedelta(hours=2)
    assert wrong.finding == (
        "The time zone of proxy kam1 is probably wrong: for the same events, times from SQL are 2 h later than times "
        "from syslog."
    )
    assert "UTC+02:00" in wrong.remedy
    assert wrong.command == "manage.py source reread kam1"


def test_a_zone_half_an_hour_off_the_whole_hours_is_told_as_well() -> None:
    proxy_with_both(timezone="Asia/Kolkata")
    (wrong,) = found()
    assert wrong.ahead == timedelta(hours=-3.5)
    assert "3.5 h earlier" in wrong.finding
    assert wrong.offset == timedelta(hours=2)


def test_the_right_zone_is_not_found_wrong() -> None:
    proxy_with_both(timezone="Europe/Berlin")
    assert found() == []


def test_when_the_zone_was_corrected_only_reading_again_is_left_to_do() -> None:
    corrected(proxy_with_both(timezone="UTC"), timezone="Europe/Berlin")
    (wrong,) = found()
    assert wrong.offset is None
    assert "is right" in wrong.remedy


def test_what_lies_some_minutes_apart_is_no_matter_of_zones() -> None:
    source = make_source()
    logged(source, 600)
    take(source, "acc-csv", rows({"time": "2026-05-31 14:00:00"}))
    assert found() == []


def test_a_session_that_is_refreshed_each_hour_is_no_wrong_zone() -> None:
    source = make_source()
    logged(source, 0, 3600)
    take(source, "acc-csv", rows({"time": "2026-05-31 13:00:00"}))
    assert found() == []


def test_wall_clocks_alone_tell_nothing() -> None:
    take(make_source(), "acc-csv", rows({}, STOP))
    assert found() == []


def test_the_same_fault_in_many_calls_is_one_finding() -> None:
    source = make_source()
    for number in range(3):
        make_event(source=source, call_id=f"{number}@host")
        make_event(source=source, call_id=f"{number}@host", backend="sql", time=NOON + timedelta(hours=1), raw=b"{}")
    (wrong,) = found()
    assert len(wrong.events) == 3
    assert wrong.offset == timedelta(hours=1)
