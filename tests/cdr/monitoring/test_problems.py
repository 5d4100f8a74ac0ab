"""Proxies with a problem are found, the worst first."""

from __future__ import annotations

import pytest

from cdr.monitoring.health import Verdict
from cdr.monitoring.problems import collection_problems
from tests.factories import make_event, make_proxy, make_rejected, make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def failing() -> None:
    """A proxy that is well, one that rejects input, one whose receiver does not run."""
    make_event(source=make_source(proxy=make_proxy(name="well")))
    rejecting = make_source(proxy=make_proxy(name="rejecting"), rejected=1)
    make_rejected(source=rejecting)
    make_source(proxy=make_proxy(name="stopped"), kind="syslog")


def test_problems_are_listed_the_worst_first(failing: None) -> None:
    assert [(one.proxy, one.verdict) for one in collection_problems(None)] == [
        ("stopped", Verdict.NOT_RUNNING),
        ("rejecting", Verdict.REJECTS),
    ]


def test_who_is_limited_to_proxies_sees_the_problems_of_those(failing: None) -> None:
    assert [one.proxy for one in collection_problems(frozenset({"rejecting"}))] == ["rejecting"]
    assert collection_problems(frozenset()) == []
