"""Events of OpenSIPS before 3.1, which are text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import Unparsable
from cdr.formats.text_events import is_text_event, parameters_of, records

EVENT = b"E_ACC_EVENT\nmethod::INVITE\nfrom_tag::a\n\n"


def test_an_event_begins_with_its_name() -> None:
    assert is_text_event(EVENT)
    assert is_text_event(b"\nE_ACC_CDR\n")
    assert not is_text_event(b'{"method":"E_ACC_EVENT"}')
    assert not is_text_event(b"E_ACC_EVENT method::INVITE")


def test_parameters_stand_a_line_each() -> None:
    assert parameters_of(EVENT) == ("E_ACC_EVENT", {"method": "INVITE", "from_tag": "a"})


def test_the_first_value_of_a_parameter_counts() -> None:
    assert parameters_of(b"E_X\na::1\na::2\n")[1] == {"a": "1"}


def test_a_value_may_be_empty_and_may_hold_colons() -> None:
    assert parameters_of(b"E_X\na::\nb::c::d\n")[1] == {"a": "", "b": "c::d"}


def test_a_value_with_a_line_feed_is_quoted() -> None:
    assert parameters_of(b'E_X\na::"one\ntwo \\"three\\""\nb::4\n')[1] == {"a": 'one\ntwo "three"', "b": "4"}


def test_quotes_of_a_single_line_belong_to_the_value() -> None:
    assert parameters_of(b'E_X\na::"Bob" <sip:b@x>\n')[1] == {"a": '"Bob" <sip:b@x>'}


def test_line_ends_of_other_systems_are_read_too() -> None:
    assert parameters_of(EVENT.replace(b"\n", b"\r\n")) == parameters_of(EVENT)


def test_a_line_without_a_parameter_is_refused() -> None:
    with pytest.raises(Unparsable, match="was the datagram cut"):
        parameters_of(b"E_X\na::1\nbroken\n")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(rest: bytes) -> None:
    try:
        name, _ = parameters_of(b"E_X\n" + rest)
    except Unparsable:
        return
    assert name.startswith("E_X") or not rest.strip(b"\n")


def lines(data: bytes) -> list[bytes]:
    return data.split(b"\n")


def test_an_empty_line_ends_an_event() -> None:
    assert list(records(lines(EVENT + EVENT))) == [EVENT.strip(b"\n")] * 2


def test_the_next_name_ends_an_event_as_well() -> None:
    assert list(records(lines(b"E_X\na::1\nE_Y\nb::2"))) == [b"E_X\na::1", b"E_Y\nb::2"]


def test_an_empty_line_inside_of_a_quoted_value_ends_nothing() -> None:
    (only,) = records(lines(b'E_X\na::"one\n\ntwo"\n'))
    assert parameters_of(only)[1] == {"a": "one\n\ntwo"}


def test_no_lines_give_no_event() -> None:
    assert list(records([b"", b" "])) == []
