"""Rejected input is listed, shown and read again on the command line as in the browser."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from cdr.formats.reading import Rejection
from cdr.models import Event, Rejected, Source
from cdr.storage.ingest import store
from proxyconf.models import Proxy
from tests.factories import make_proxy, make_source

LINE = b'{"start_time":"1777636800","end_time":"1777636842","duration":"42"}'

pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Source:
    made = make_source()
    store(
        made,
        [Rejection(b'{"method":"\x1b[2J","from_tag":"a"}', "no callid"), Rejection(LINE, "of another format")],
        format="acc-json",
    )
    return made


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("rejected", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_the_list_shows_what_waits_with_its_reason_and_beginning(source: Source) -> None:
    listed = run("list")
    assert "no callid" in listed
    assert r'{"method":"\x1b[2J"' in listed
    assert str(source) in listed
    assert run("list", "--format", "syslog") == ""
    assert run("list", "--limit", 1).endswith("1 more; see --limit\n")


def test_one_is_shown_whole(source: Source) -> None:
    rejected = Rejected.objects.get(reason="of another format")
    assert LINE.decode() in run("show", rejected.pk)


def test_a_number_that_is_not_there_is_named(source: Source) -> None:
    with pytest.raises(CommandError, match="rejected input 99999999"):
        run("show", 99999999)
    with pytest.raises(CommandError, match="rejected input 99999999"):
        run("replay", 99999999)


def test_what_is_accounting_now_is_taken_and_the_rest_stays(source: Source) -> None:
    with pytest.raises(SystemExit) as end:
        run("replay")
    assert end.value.code == 1
    assert Event.objects.get().duration_us == 42_000_000
    assert "of another format" not in run("list")
    assert "parsed" in run("list", "--all")


def test_chosen_ones_of_one_proxy_are_read_again(source: Source) -> None:
    other = make_proxy("other")
    assert isinstance(other, Proxy)
    assert run("replay", "--proxy", "other") == "no rejected input is pending\n"
    rejected = Rejected.objects.get(reason="of another format")
    assert run("replay", rejected.pk) == "1 re-parsed: 1 accepted (1 new events), 0 not accounting, 0 still rejected\n"
