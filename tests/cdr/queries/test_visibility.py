from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from hypothesis import given
from hypothesis import strategies as st

from cdr.export import records
from cdr.models import Call
from cdr.queries.visibility import MASK, Visibility, masked, masked_text
from proxyconf.models import Proxy, ProxyLimit
from tests.factories import NOON, make_call


@pytest.fixture
def user() -> User:
    return User.objects.create_user("vera", is_staff=True)


@pytest.mark.django_db
def test_who_is_limited_sees_the_calls_that_one_of_his_proxies_took_part_in(user: User) -> None:
    limit = ProxyLimit.objects.create(user=user)
    limit.proxies.add(Proxy.objects.create(name="edge-1"))
    ours = make_call(call_id="a", proxies=["edge-1"])
    both = make_call(call_id="b", proxies=["edge-1", "edge-10"])
    make_call(call_id="c", proxies=["edge-10"])
    assert set(Visibility.of(user).calls()) == {ours, both}


@pytest.mark.django_db
def test_a_limit_to_no_proxy_shows_nothing_and_no_limit_everything(user: User) -> None:
    make_call(proxies=["edge-1"])
    assert Visibility.of(user).calls().count() == 1
    ProxyLimit.objects.create(user=user)
    assert not Visibility.of(user).calls().exists()


@pytest.mark.django_db
def test_numbers_are_shown_to_who_has_the_permission_alone(user: User) -> None:
    assert not Visibility.of(user).numbers
    assert not Visibility.of(AnonymousUser()).numbers
    user.user_permissions.add(Permission.objects.get(codename="view_numbers"))
    assert Visibility.of(User.objects.get(pk=user.pk)).numbers


@pytest.mark.django_db
def test_a_masked_call_tells_no_number_in_its_extra_fields_either(user: User) -> None:
    call = make_call(caller="+4930123456", callee="alice", extra={"from": "sip:+4930123456@x", "to": "alice", "n": "7"})
    (shown,) = Visibility.of(user).shown([call])
    assert (shown.caller, shown.callee) == (f"+4930{MASK * 6}", f"al{MASK * 3}")
    assert shown.extra["n"] == "7"
    assert "123456" not in str(shown.extra)
    assert "alice" not in str(shown.extra)
    assert Call.objects.get(pk=call.pk).caller == "+4930123456"


@pytest.mark.django_db
@pytest.mark.parametrize("numbers", [False, True])
def test_proxies_out_of_reach_are_named_neither_by_a_call_nor_by_its_changes(numbers: bool) -> None:
    make_call(proxies=["near", "far"])
    visibility = Visibility(frozenset({"near"}), numbers)
    (shown,) = visibility.shown(visibility.calls())
    assert shown.proxies == ["near"]
    changes = {"proxies": [["near"], ["far", "near"]], "events": [1, 2]}
    assert visibility.changes(shown, changes) == {"proxies": [["near"], ["near"]], "events": [1, 2]}
    assert [record["proxies"] for record in records(visibility.calls(), visibility)] == [["near"]]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=2))
def test_masking_hides_half_of_a_party_at_least_and_masks_no_further_when_repeated(party: str) -> None:
    once = masked(party)
    assert once is not None
    assert len(once) == len(party)
    user = party.partition("@")[0]
    assert once[: len(user)].count(MASK) >= len(user) // 2
    assert masked(once) == once


@given(st.text("0123456789 ;+sip:", max_size=40))
def test_no_number_of_five_digits_is_left_in_a_text(text: str) -> None:
    shown = masked_text(text)
    assert not any(part.isdigit() and len(part) >= 5 for part in shown.replace(MASK, " ").split())


@pytest.mark.django_db
def test_numbers_in_reasons_and_in_what_people_wrote_are_masked(user: User) -> None:
    call = make_call(caller="+4930123456", sip_reason="No route to 4930123456", user_agent="phone of +4930123456")
    call.attempts.create(position=0, code=404, reason="4930123456 unknown", to_tag="x", time=NOON)
    visibility = Visibility.of(user)
    said = visibility.text(call, "asked +4930123456 about it")
    changes = visibility.changes(
        call,
        {
            "attempts": [
                [],
                [{"code": 404, "reason": "4930123456 unknown", "time": "2026-05-31T12:00:00.123456+00:00"}],
            ],
            "settlement": [None, {"reason": "4930123456 says so", "ended_at": "2026-05-31T12:00:00.123456+00:00"}],
        },
    )
    (attempt,) = visibility.attempts(call)
    (shown,) = visibility.shown([call])
    for text in (said, attempt.reason, shown.sip_reason, shown.user_agent, str(changes)):
        assert text
        assert "123456 " not in f"{text} ".replace(".123456+", "")
    assert changes["settlement"][1]["ended_at"] == "2026-05-31T12:00:00.123456+00:00"
