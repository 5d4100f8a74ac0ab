"""The labels after the core fields of a log line: known from the layout, or guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.formats.log_labels import LineShape, LogLabels
from proxyconf.vocabulary.layout import Backend, FieldLayout

CORE = "ACC: transaction answered: timestamp=1777636800;method=INVITE;from_tag=a;to_tag=b;call_id=c@x;code=200;reason="
labels = st.from_regex(r"[a-z][a-z0-9_]{3,12}x", fullmatch=True)  # no name of the core, of SIP or of a leg ends with x


def shape_of(tail: str, layout: FieldLayout | None = None) -> LineShape:
    """The shape of a line with this text after the reason."""
    return LogLabels(layout or FieldLayout()).shape((CORE + tail).encode(), 0)


def known(extras: list[str], legs: list[str]) -> FieldLayout:
    """A layout that defines the labels of syslog."""
    return FieldLayout(extras={Backend.SYSLOG: tuple(extras)}, legs={Backend.SYSLOG: tuple(legs)})


def test_a_line_that_ends_with_the_reason_has_no_labels() -> None:
    shape = shape_of("OK")
    assert (shape.extras, shape.legs) == ((), ())


def test_names_after_the_reason_are_extras() -> None:
    assert shape_of("OK;src_ip=192.0.2.1;ua=phone").extra_names == ("src_ip", "ua")


@pytest.mark.parametrize("name", ["call_id", "code", "method", "from_tag", "to_tag", "reason"])
def test_the_name_of_a_core_field_is_part_of_a_value(name: str) -> None:
    assert shape_of(f"OK;ua=phone;{name}=forged").extra_names == ("ua",)


@pytest.mark.parametrize("parameter", ["transport=tcp", "user=phone", "tag=1", "lr=on"])
def test_a_parameter_of_sip_is_part_of_a_value(parameter: str) -> None:
    assert shape_of(f"OK;contact=sip:a@b;{parameter};ua=phone").extra_names == ("contact", "ua")


def test_a_set_repeated_at_the_end_is_that_of_the_legs() -> None:
    shape = shape_of("OK;ua=phone;one_x=1;two_x=2;one_x=3;two_x=4")
    assert (shape.extra_names, shape.leg_names) == (("ua",), ("one_x", "two_x"))


def test_a_single_set_that_means_a_leg_is_one() -> None:
    shape = shape_of("OK;ua=phone;src_leg=sip:a@b;dst_leg=sip:c@d")
    assert (shape.extra_names, shape.leg_names) == (("ua",), ("src_leg", "dst_leg"))


def test_labels_of_the_layout_are_not_guessed() -> None:
    shape = shape_of("OK;other=1;ua=phone", known(["ua"], []))
    assert (shape.extra_names, shape.leg_names) == (("ua",), ())


def test_legs_are_guessed_beside_known_extras() -> None:
    layout = FieldLayout(extras={Backend.SYSLOG: ("ua",)})
    shape = shape_of("OK;ua=phone;src_leg=a;dst_leg=b;src_leg=c;dst_leg=d", layout)
    assert (shape.extra_names, shape.leg_names) == (("ua",), ("src_leg", "dst_leg"))


def test_the_labels_of_a_shape_and_of_the_core_are_known() -> None:
    assert shape_of("OK;ua=phone").known >= {b"ua", b"call_id", b"timestamp"}


def test_legs_without_values_are_their_labels() -> None:
    assert shape_of("OK", known([], ["src_leg", "dst_leg"])).empty_leg == ";src_leg=;dst_leg="


@given(names=st.lists(labels, unique=True, max_size=6), legs=st.lists(labels, unique=True, min_size=2, max_size=3))
def test_the_pattern_finds_what_a_layout_writes(names: list[str], legs: list[str]) -> None:
    extras = [name for name in names if name not in legs]
    tail = "OK" + "".join(f";{name}=value" for name in extras) + "".join(f";{name}=leg" for name in legs) * 2
    matched = shape_of(tail, known(extras, legs)).line.match(CORE + tail)
    assert matched is not None
    assert matched.groups()[-1] == "".join(f";{name}=leg" for name in legs) * 2
    assert list(matched.groups()[-1 - len(extras) : -1]) == ["value"] * len(extras)
