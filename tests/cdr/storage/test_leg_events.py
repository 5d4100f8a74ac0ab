"""Events that come one per leg keep the order in which they arrived, and are still known when they come again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cdr.calls.correlate import correlate_pending
from cdr.models import Call, Event
from cdr.storage.ingest import store
from proxyconf.vocabulary.layout import Backend, FieldLayout
from tests.cdr.correlation.telling import invite
from tests.factories import NOON, make_proxy, make_source

pytestmark = pytest.mark.django_db
HOPS = [("zoe", "bob"), ("al", "carol")]
EVENTS = [
    invite("a", "b", 0, backend=Backend.EVENTS, legs=((("src", source), ("dst", destination)),)).event
    for source, destination in HOPS
]


def test_legs_keep_the_order_of_arrival_and_repetition_changes_nothing() -> None:
    source = make_source(proxy=make_proxy(layout=FieldLayout(newest_leg_first=False).to_json()))
    for minutes, events in enumerate((EVENTS, EVENTS[::-1])):
        store(source, events, format="opensips-events", received_at=NOON + timedelta(minutes=minutes))
        correlate_pending()
        assert Event.objects.count() == 2
        legs = Call.objects.get().legs.order_by("position")
        assert [(leg.source, leg.destination) for leg in legs] == HOPS
