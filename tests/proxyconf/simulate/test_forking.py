"""Which replies of parallel branches the proxy relays, and which failure stands for all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.simulate.flow import Branch, FlowReply, Forwarding
from proxyconf.simulate.forking import answers, picked_failure, provisional_replies
from proxyconf.simulate.phrases import standard_phrase

CODES = st.integers(300, 699)


def forwarding(*branches: list[tuple[float, int]], timeout_at: float = 30.0) -> Forwarding:
    return Forwarding(
        tuple(Branch(tuple(FlowReply(at, code) for at, code in replies)) for replies in branches), timeout_at
    )


def test_a_100_is_not_relayed() -> None:
    relayed = provisional_replies(forwarding([(0.1, 100), (1, 180), (2, 183), (3, 200)]))
    assert [one.reply.code for one in relayed] == [180, 183]


def test_answers_are_in_the_order_of_time_whatever_the_order_of_branches() -> None:
    assert [one.reply.at for one in answers(forwarding([(5, 200)], [(4, 202)], [(1, 486)]))] == [4, 5]


@pytest.mark.parametrize(
    ("codes", "picked"),
    [
        ([486, 404], 404),
        ([503, 486], 486),
        ([603, 486], 603),
        ([302, 486], 302),
        ([486, 401], 401),
        ([480, 407], 407),
        ([500, 486, 300], 300),
    ],
)
def test_one_failure_is_picked_by_class_and_number(codes: list[int], picked: int) -> None:
    assert picked_failure(forwarding(*([(1.0, code)] for code in codes))).reply.code == picked


@given(st.permutations([486, 404, 503, 302]))
def test_the_order_of_branches_does_not_matter(codes: list[int]) -> None:
    assert picked_failure(forwarding(*([(1.0, code)] for code in codes))).reply.code == 302


def test_a_branch_without_final_reply_counts_as_a_408_at_the_timeout() -> None:
    failure = picked_failure(forwarding([(1, 180)], timeout_at=20))
    assert (failure.reply.code, failure.reply.at, failure.is_local) == (408, 20, True)


def test_a_final_reply_after_the_timeout_comes_too_late() -> None:
    assert picked_failure(forwarding([(25, 486)], timeout_at=20)).reply.code == 408


def test_a_forwarding_without_branches_times_out() -> None:
    assert picked_failure(forwarding(timeout_at=7)).reply.at == 7


@given(st.lists(st.tuples(st.floats(0, 29), CODES), min_size=1, max_size=4))
def test_a_call_fails_when_its_last_branch_ends(replies: list[tuple[float, int]]) -> None:
    failure = picked_failure(forwarding(*([reply] for reply in replies)))
    assert failure.reply.at == max(at for at, _code in replies)
    assert failure.reply.code in {code for _at, code in replies}


def test_a_local_failure_has_the_standard_phrase() -> None:
    assert picked_failure(forwarding([])).reason == "Request Timeout"


def test_a_reply_keeps_its_own_reason() -> None:
    branch = Branch((FlowReply(1, 486, "Line engaged"),))
    assert picked_failure(Forwarding((branch,))).reason == "Line engaged"


@pytest.mark.parametrize(("code", "phrase"), [(486, "Busy Here"), (499, "Request Failure"), (699, "Global Failure")])
def test_unknown_codes_have_the_phrase_of_their_class(code: int, phrase: str) -> None:
    assert standard_phrase(code) == phrase
