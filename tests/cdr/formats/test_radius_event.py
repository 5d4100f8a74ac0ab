"""Legs among the attributes: how they repeat, and how OpenSIPS misnames them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent, Pairs, Unparsable
from cdr.formats.radius_event import Attributes, event_of
from cdr.formats.reading import Reading
from proxyconf.vocabulary.layout import Backend, FieldLayout
from proxyconf.vocabulary.products import Product, Version

LABELS = ("src", "dst", "type")


def reading_with(
    legs: tuple[str, ...] | None = LABELS, extras: tuple[str, ...] | None = None, product: Product = Product.KAMAILIO
) -> Reading:
    layout = FieldLayout(
        legs={} if legs is None else {Backend.RADIUS: legs}, extras={} if extras is None else {Backend.RADIUS: extras}
    )
    return Reading(layout=layout, product=product, version=Version(3, 6, 8))


KAMAILIO = reading_with()
OPENSIPS = reading_with(product=Product.OPENSIPS)


def told(*attributes: tuple[str, str | int], reading: Reading = KAMAILIO, status: int = 1, code: int = 200) -> AccEvent:
    """Return the event of an INVITE with these attributes after the core."""
    core: Attributes = [
        ("Acct-Status-Type", status),
        ("Service-Type", 15),
        ("Sip-Response-Code", code),
        ("Sip-Method", 1),
        ("Event-Timestamp", 1795389819),
        ("Sip-From-Tag", "66FA1AE9"),
        ("Acct-Session-Id", "1-1811-0@127.0.0.1"),
    ]
    return event_of([*core, *attributes, ("NAS-Port", 5060)], reading, backend=Backend.RADIUS, raw=b"")


def leg(*values: str, labels: tuple[str, ...] = LABELS) -> Pairs:
    return tuple(zip(labels, values, strict=True))


ALICE_BOB = leg("alice", "bob", "0")
BOB_CAROL = leg("bob", "carol", "1")
REST = (("NAS-Port", "5060"),)


# Legs as they should be


def test_the_kth_values_of_all_labels_are_leg_k() -> None:
    one = told(*BOB_CAROL, *ALICE_BOB)
    assert (one.legs, one.extra) == ((BOB_CAROL, ALICE_BOB), REST)


def test_values_grouped_by_label_are_the_same_legs() -> None:
    grouped = [("src", "bob"), ("src", "alice"), ("dst", "carol"), ("dst", "bob"), ("type", "1"), ("type", "0")]
    assert told(*grouped).legs == (BOB_CAROL, ALICE_BOB)


def test_an_empty_value_keeps_its_place() -> None:
    assert told(*leg("a3", "", "1"), *leg("a2", "b1", "")).legs == (leg("a3", "", "1"), leg("a2", "b1", ""))


def test_a_label_that_comes_out_of_turn_begins_the_next_leg() -> None:
    one = told(("src", "alice"), ("dst", "bob"), ("dst", "carol"), ("type", "1"), status=2, reading=OPENSIPS)
    assert one.legs == (leg("alice", "bob", ""), leg("", "carol", "1"))


def test_a_label_without_any_value_is_empty() -> None:
    assert told(("src", "alice"), ("dst", "bob"), status=2, reading=OPENSIPS).legs == (leg("alice", "bob", ""),)


def test_known_to_log_no_legs_means_all_are_extras() -> None:
    one = told(("src", "alice"), ("src", "bob"), reading=reading_with(()))
    assert (one.legs, one.extra) == ((), (("src", "alice"), ("src", "bob"), *REST))


def test_without_a_layout_what_repeats_is_a_leg() -> None:
    one = told(("UA", "x"), ("from-a", "1"), ("to-b", "2"), ("from-a", "3"), ("to-b", "4"), reading=reading_with(None))
    assert one.legs == ((("from-a", "1"), ("to-b", "2")), (("from-a", "3"), ("to-b", "4")))
    assert one.extra == (("UA", "x"), *REST)


def test_without_a_layout_source_and_destination_are_a_leg() -> None:
    assert told(*ALICE_BOB, reading=reading_with(None)).legs == (ALICE_BOB,)


def test_without_a_layout_a_type_alone_is_an_extra() -> None:
    assert told(("type", "0"), reading=reading_with(None)).extra == (("type", "0"), *REST)


def test_a_configured_extra_is_no_leg_however_it_looks() -> None:
    one = told(("src", "alice"), ("dst", "bob"), reading=reading_with(None, ("src", "dst")))
    assert one.legs == ()


# Legs as OpenSIPS 2.3 and newer name them in all but dialog records


def misnamed(legs: list[Pairs], names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Name every value of leg k by the k-th of the names, as acc_aaa_request does; empty values are not sent."""
    return [(names[index], text) for index, one in enumerate(legs) for _, text in one if text]


def test_opensips_legs_get_their_labels_back() -> None:
    sent = [("src", "alice"), ("src", "bob"), ("src", "0"), ("dst", "bob"), ("dst", "carol"), ("dst", "1")]
    one = told(*sent, reading=OPENSIPS)
    assert (one.legs, one.extra) == ((ALICE_BOB, BOB_CAROL), REST)


def test_opensips_legs_under_the_names_of_extras_leave_these_their_own() -> None:
    reading = reading_with(extras=("ua", "ip"), product=Product.OPENSIPS)
    one = told(("ua", "phone"), ("ip", "192.0.2.1"), *misnamed([ALICE_BOB, BOB_CAROL], ("ua", "ip")), reading=reading)
    assert one.legs == (ALICE_BOB, BOB_CAROL)
    assert one.extra == (("ua", "phone"), ("ip", "192.0.2.1"), *REST)


def test_an_extra_that_was_not_sent_does_not_confuse_the_legs() -> None:
    reading = reading_with(extras=("ua", "ip"), product=Product.OPENSIPS)
    one = told(("ip", "192.0.2.1"), *misnamed([ALICE_BOB], ("ua",)), reading=reading)
    assert (one.legs, one.extra) == ((ALICE_BOB,), (("ip", "192.0.2.1"), *REST))


def test_the_setup_time_under_a_legs_name_is_no_leg() -> None:
    sent = misnamed([ALICE_BOB, BOB_CAROL], LABELS)
    one = told(*sent, ("type", "k\\x03\\x81\\xde"), ("Sip-Call-Duration", 1795389818), reading=OPENSIPS)
    assert (one.legs, one.extra, one.duration_us) == ((ALICE_BOB, BOB_CAROL), REST, None)


def test_without_legs_the_setup_time_makes_none() -> None:
    one = told(("type", "k\\x03\\x81\\xde"), ("Sip-Call-Duration", 0), reading=OPENSIPS)
    assert (one.legs, one.extra) == ((), REST)


def test_where_a_value_is_missing_the_legs_stay_as_they_came() -> None:
    sent = misnamed([leg("alice", "", "0"), BOB_CAROL], LABELS)
    one = told(*sent, reading=OPENSIPS)
    assert one.legs != (ALICE_BOB, BOB_CAROL)
    assert sorted(text for pairs in one.legs for _, text in pairs if text) == sorted(text for _, text in sent)


def test_an_opensips_dialog_record_has_its_legs_right() -> None:
    one = told(*ALICE_BOB, *BOB_CAROL, ("Sip-Call-MSDuration", 2303), reading=OPENSIPS, status=2)
    assert one.legs == (ALICE_BOB, BOB_CAROL)


def test_before_2_3_the_legs_are_right() -> None:
    old = Reading(layout=OPENSIPS.layout, product=Product.OPENSIPS, version=Version(2, 2))
    assert told(*BOB_CAROL, *ALICE_BOB, reading=old).legs == (BOB_CAROL, ALICE_BOB)


TEXT = st.text(min_size=1, max_size=5)
LEGS = st.lists(st.tuples(TEXT, TEXT, TEXT).map(lambda values: leg(*values)), min_size=1, max_size=3)


@given(LEGS)
def test_kamailios_legs_come_out_as_they_went_in(legs: list[Pairs]) -> None:
    assert told(*(pair for one in legs for pair in one)).legs == tuple(legs)


@given(LEGS, st.one_of(st.none(), TEXT), st.one_of(st.none(), TEXT))
def test_opensips_legs_come_out_as_they_went_in_or_as_they_came(
    legs: list[Pairs], ua: str | None, ip: str | None
) -> None:
    reading = reading_with(extras=("ua", "ip"), product=Product.OPENSIPS)
    extras = [(name, text) for name, text in (("ua", ua), ("ip", ip)) if text is not None]
    one = told(*extras, *misnamed(legs, ("ua", "ip", *LABELS)), reading=reading)
    assert one.legs == tuple(legs)
    assert one.extra == (*extras, *REST)


# Times and numbers


def test_the_invite_came_when_created_says() -> None:
    one = told(("Sip-Call-Setuptime", 1), ("Sip-Call-Created", 1795389818), status=15, code=486)
    assert one.created_at == datetime(2026, 11, 22, 23, 23, 38, tzinfo=UTC)
    assert one.extra == REST


def test_created_0_is_none() -> None:
    assert told(("Sip-Call-Setuptime", 1795389819), ("Sip-Call-Created", 0)).created_at is None


def test_a_duration_that_no_calendar_holds_is_refused() -> None:
    with pytest.raises(Unparsable, match="outside of the years 1 to 9999"):
        told(("Sip-Call-Duration", 2**63), status=2)


def test_a_core_attribute_sent_twice_counts_once_and_is_kept() -> None:
    one = told(("Sip-From-Tag", "forged"))
    assert (one.from_tag, one.extra) == ("66FA1AE9", (("Sip-From-Tag", "forged"), *REST))


def test_another_service_type_is_kept() -> None:
    one = event_of(
        [("Acct-Status-Type", 1), ("Service-Type", 30), ("Sip-Method", 1), ("Acct-Session-Id", "x")],
        KAMAILIO,
        backend=Backend.RADIUS,
        raw=b"",
    )
    assert one.extra == (("Service-Type", "30"),)
