"""Log lines of whole dialogs, OpenSIPS' and Kamailio's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdr.events import MICROSECOND, MILLISECOND, SECOND, EventKind
from cdr.formats.reading import Reading
from proxyconf.vocabulary.layout import CdrLayout, FieldLayout, Role
from tests.cdr.formats.log_lines import acc_line, event, rejection

# Records of dialogs: OpenSIPS


def test_a_call_that_ended_tells_start_end_and_duration() -> None:
    times = b"created=1795391965;call_start_time=1795391966;duration=3;ms_duration=2303;setuptime=1"
    found = event(acc_line(head=b"NOTICE:", prefix=b"call ended", clock=times))
    started = datetime.fromtimestamp(1795391966, UTC)

    assert (found.kind, found.time, found.precision) == (EventKind.CDR, started, SECOND)
    assert found.duration_us == 2_303_000
    assert found.ended_at == started + timedelta(microseconds=2_303_000)
    assert found.created_at == started - timedelta(seconds=1)


def test_before_opensips_2_2_the_duration_is_in_seconds() -> None:
    times = b"created=1795391965;call_start_time=1795391966;duration=3;setuptime=1"

    assert event(acc_line(prefix=b"call ended", clock=times)).duration_us == 3_000_000


def test_a_call_that_ended_without_its_start_is_rejected() -> None:
    assert (
        "call_start_time=" in rejection(acc_line(prefix=b"call ended", clock=b"created=1795391965;duration=3")).reason
    )


# Records of dialogs: Kamailio

DIALOG = b"start_time=1795389825.675; end_time=1795389827.978; duration=2.303"


WRITER = b" 1(1882) NOTICE: acc [acc_cdr.c:395]: log_write_cdr(): "


def dialogs(*extras: str, **cdr: Any) -> Reading:
    return Reading(layout=FieldLayout(cdr=CdrLayout(extras=extras, **cdr)))


def test_kamailios_record_of_a_dialog_has_its_times_and_extras() -> None:
    found = event(WRITER + DIALOG + b"; caller=alice; callee=bob; callid=a@b", dialogs("caller", "callee", "callid"))
    started = datetime.fromtimestamp(1795389825, UTC)

    assert (found.kind, found.code, found.reason) == (EventKind.CDR, 0, "")
    assert found.time == started + timedelta(milliseconds=675)
    assert found.ended_at == started + timedelta(milliseconds=2978)
    assert (found.duration_us, found.precision) == (2_303_000, MILLISECOND)
    assert found.extra == (("caller", "alice"), ("callee", "bob"), ("callid", "a@b"))
    assert (found.call_id, found.from_tag, found.to_tag) == ("a@b", "", "")


def test_the_roles_of_its_extras_tell_a_dialogs_call_id_and_tags() -> None:
    layout = FieldLayout(
        cdr=CdrLayout(extras=("id", "ft", "tt")),
        roles={"id": Role.CALL_ID, "ft": Role.FROM_TAG, "tt": Role.TO_TAG},
    )
    found = event(WRITER + DIALOG + b"; id=a@b; ft=1; tt=2", Reading(layout=layout))

    assert (found.call_id, found.from_tag, found.to_tag) == ("a@b", "1", "2")


def test_a_dialog_without_extras_has_no_call_id() -> None:
    assert event(WRITER + DIALOG, dialogs()).call_id == ""


def test_a_failed_invite_lasts_0() -> None:
    line = WRITER + b"start_time=1795389825.522; end_time=1795389825.522; duration=0; caller=erin"

    assert event(line).duration_us == 0


@pytest.mark.parametrize(
    ("decimals", "precision"), [(b".0", SECOND), (b".675", MILLISECOND), (b".675123", MICROSECOND), (b"", SECOND)]
)
def test_the_decimals_of_a_dialogs_start_tell_its_precision(decimals: bytes, precision: int) -> None:
    line = b"start_time=1795389825%b; end_time=1795389826%b; duration=1%b" % (decimals, decimals, decimals)

    assert event(WRITER + line).precision == precision


@pytest.mark.parametrize(
    "head",
    [b"", b" 1(1882) NOTICE: acc [acc_cdr.c:395]: ", b"Nov 22 23:23:10 h kamailio[1]: NOTICE: acc [acc_cdr.c:9]: "],
)
def test_a_dialog_is_known_by_its_first_name_without_the_function(head: bytes) -> None:
    assert (
        event(head + b"st=1.500; et=2.500; d=1.000; caller=a", dialogs("caller", start="st")).duration_us == 1_000_000
    )


def test_a_dialog_is_known_by_the_function_whatever_its_names() -> None:
    assert event(WRITER + b"a=1.500; b=2.500; c=1.000; caller=x").extra == (("caller", "x"),)


def test_without_a_layout_what_looks_like_a_name_after_semicolon_and_blank_is_a_dialogs_extra() -> None:
    found = event(WRITER + DIALOG + b"; ua=A/1 (x;y=z); caller=; caller=x", Reading())

    assert found.extra == (("ua", "A/1 (x;y=z)"), ("caller", "; caller=x"))
    assert found.flags == ("forged_separator",)


def test_extras_of_a_dialog_that_the_layout_does_not_have_are_not_lost() -> None:
    assert event(WRITER + DIALOG + b"; gateway=gw1; caller=a", dialogs("caller")).extra == (
        ("gateway", "gw1"),
        ("caller", "a"),
    )


def test_a_dialog_whose_last_extras_are_missing_was_cut() -> None:
    found = event(WRITER + DIALOG + b"; caller=alice; callee=bo", dialogs("caller", "callee", "callid"))

    assert (found.extra, found.flags) == ((("caller", "alice"),), ("truncated",))


def test_a_dialog_that_is_cut_within_its_times_is_rejected() -> None:
    assert '"start_time=1795389825.675; end_t"' in rejection(WRITER + DIALOG[:32]).reason
