"""What is asked of failed attempts is asked of one and the same attempt."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from django.http import QueryDict

from cdr.calls.correlate import correlate_pending
from cdr.export.record import record_of
from cdr.models import Attempt, Call
from cdr.queries.filters import CallFilter
from cdr.queries.visibility import Visibility
from cdr.storage.ingest import store
from tests.cdr.correlation.telling import bye, invite, missed
from tests.factories import NOON, make_proxy, make_source

pytestmark = pytest.mark.django_db


def extra(gateway: str) -> tuple[tuple[str, str], ...]:
    return (("gateway", gateway),)


@pytest.fixture(autouse=True)
def _stored_calls() -> None:
    observed = [
        missed("a", "x", 0, 503, call_id="failover", extra=extra("gw1")),
        missed("a", "y", 1, 486, call_id="failover", extra=extra("gw2")),
        invite("a", "b", 4, call_id="failover", extra=extra("gw3")),
        bye("a", "b", 30, call_id="failover"),
        missed("a", "x", 0, 404, call_id="refused", extra=extra("gw1")),
        invite("a", "b", 0, call_id="direct", extra=extra("gw1")),
        bye("a", "b", 9, call_id="direct"),
    ]
    store(make_source(), [one.event for one in observed], format="syslog", received_at=NOON)
    correlate_pending()


def found(query: str, visibility: Visibility = Visibility()) -> list[str]:  # noqa: B008  # immutable
    calls: Iterable[Call] = CallFilter(QueryDict(query), visibility).qs
    return sorted(call.call_id for call in calls)


@pytest.mark.parametrize(
    ("query", "call_ids"),
    [
        ("attempt_gateway=gw1", ["failover", "refused"]),
        ("attempt_gateway=gw3", []),
        ("attempt_code=5xx", ["failover"]),
        ("attempt_code=503&attempt_gateway=gw1", ["failover"]),
        ("attempt_code=503&attempt_gateway=gw2", []),
        ("attempt_code=4xx&attempt_gateway=gw1&attempt_gateway=gw2", ["failover", "refused"]),
        ("not_attempt_gateway=gw1", ["direct"]),
        ("attempt_gateway=gw1&not_attempt_code=404", ["failover"]),
        ("gateway=gw1", ["direct", "failover", "refused"]),
        ("gateway=gw3", ["failover"]),
        ("gateway=gw2&gateway=gw3", ["failover"]),
        ("not_gateway=gw2", ["direct", "refused"]),
        ("gateway=gw*", ["direct", "failover", "refused"]),
    ],
)
def test_code_and_gateway_are_those_of_the_same_attempt(query: str, call_ids: list[str]) -> None:
    assert found(query) == call_ids


def test_the_export_record_tells_the_fields_of_each_attempt() -> None:
    attempts = record_of(Call.objects.get(call_id="failover"))["attempts"]
    assert [(one["code"], one["extra"], one["legs"]) for one in attempts] == [
        (503, {"gateway": "gw1"}, []),
        (486, {"gateway": "gw2"}, []),
    ]


def test_the_account_is_the_extra_field_that_has_the_role() -> None:
    layout = {"extras": {"syslog": ["gateway", "tenant"]}, "roles": {"tenant": "account"}}
    make_proxy("with-tenants", layout=layout)
    Call.objects.filter(call_id="direct").update(extra={"tenant": "shop"})
    assert found("account=shop") == ["direct"]
    assert found("not_account=shop") == ["failover", "refused"]


def test_who_sees_numbers_masked_gives_a_whole_gateway() -> None:
    masked = Visibility(numbers=False)
    assert found("gateway=gw1", masked) == ["direct", "failover", "refused"]
    assert CallFilter(QueryDict("gateway=gw*"), masked).errors
    assert CallFilter(QueryDict("account=sh*"), masked).errors
    assert found("attempt_gateway=gw1", masked) == ["failover", "refused"]
    assert CallFilter(QueryDict("attempt_gateway=gw*"), masked).errors


def test_numbers_in_the_fields_of_an_attempt_are_masked() -> None:
    Attempt.objects.update(extra={"to": "4930123456789"}, gateway="4930123456789", legs=[{"source": "4930123456789"}])
    (attempt, _) = Visibility(numbers=False).attempts(Call.objects.get(call_id="failover"))
    for text in (attempt.extra["to"], attempt.gateway, attempt.legs[0]["source"]):
        assert "3456789" not in text
