from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from proxyconf.comparison import changes, compared
from proxyconf.profile import AccountingProfile, ExtraDefinition, Flags, MessageFlag
from proxyconf.vocabulary.layout import Backend, Role
from tests.proxyconf.strategies import profiles

ONE = ExtraDefinition("one", "$fU", {Backend.SYSLOG: "one"}, Role.CALLER)
TWO = ExtraDefinition("two", "$rU", {Backend.SYSLOG: "two"})
PROFILE = AccountingProfile(
    extras=(ONE, TWO), flags=Flags({Backend.SYSLOG: MessageFlag(1)}), options={"db_url": "x://a:b@c/d"}
)


def told(after: AccountingProfile) -> list[tuple[str, str, str]]:
    return [tuple(one) for one in changes(PROFILE, after)]


@given(profiles())
def test_a_profile_does_not_differ_from_itself(profile: AccountingProfile) -> None:
    assert changes(profile, profile) == []


@given(profiles(), profiles())
def test_profiles_that_differ_are_told_apart(one: AccountingProfile, other: AccountingProfile) -> None:
    assert bool(changes(one, other)) == (one != other)


def test_a_flag_is_told_with_its_name() -> None:
    after = replace(PROFILE, flags=Flags({Backend.SYSLOG: MessageFlag(2, "FLT_ACC")}))
    assert told(after) == [("flags: account syslog", "1", "2 FLT_ACC")]


def test_of_a_field_only_what_changed_is_told() -> None:
    after = replace(PROFILE, extras=(replace(ONE, labels={Backend.SYSLOG: "uno"}), TWO))
    assert told(after) == [("extra field one", "labels syslog one", "labels syslog uno")]


def test_another_order_is_told() -> None:
    after = replace(PROFILE, extras=(TWO, ONE))
    assert told(after) == [("order of the extra fields", "one, two", "two, one")]


def test_a_password_is_never_told() -> None:
    after = replace(PROFILE, options={"db_url": "x://a:other@c/d"})
    assert told(after) == [("options: db_url", "a password", "another password")]


def test_texts_are_compared_line_by_line() -> None:
    assert [tuple(line) for line in compared("a\nb\n", "a\nc\n")] == [("@", ""), (" ", "a"), ("-", "b"), ("+", "c")]
    assert compared("a\n", "a\n") == []


def test_lines_that_look_like_a_heading_are_lines() -> None:
    assert ("-", "-- old") in [tuple(line) for line in compared("-- old\n", "++ new\n")]
