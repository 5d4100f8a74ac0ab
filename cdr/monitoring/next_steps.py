"""The steps between a published profile and events that match it."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse
from django.utils.translation import gettext as _

from cdr.models import Source
from cdr.monitoring.health import drift_of, newest_events
from proxyconf.models import Proxy
from proxyconf.public import NextStep, StepState


def next_steps(proxy: Proxy) -> Sequence[NextStep]:
    """Return the steps for a proxy: install the files, add a source, first event, comparison with the configuration.

    The files count as installed when an event arrived after the latest revision was published.
    """
    latest = proxy.revisions.order_by("-number").first()
    newest = newest_events(proxy, until=None).first()
    has_new_event = latest is not None and newest is not None and newest.received_at >= latest.created_at
    has_source = Source.objects.filter(proxy=proxy, enabled=True).exists()
    states = _states(has_new_event, has_source, has_new_event)
    health = reverse("cdr:health-proxy", args=[proxy.name])
    return [
        NextStep(
            _("Install files on proxy"), states[0], _("Apply the patch or copy the files, then restart the proxy.")
        ),
        NextStep(_("Add source"), states[1], _("A source receives what the proxy writes."), health),
        NextStep(_("First event"), states[2], _("Waiting for the first event after publishing."), health),
        _comparison(proxy, has_new_event, health),
    ]


def _states(*done: bool) -> list[StepState]:
    first = next((index for index, is_done in enumerate(done) if not is_done), len(done))
    return [
        StepState.DONE if is_done else StepState.CURRENT if index == first else StepState.OPEN
        for index, is_done in enumerate(done)
    ]


def _comparison(proxy: Proxy, has_new_event: bool, url: str) -> NextStep:
    title = _("Log fields match the configuration")
    if not has_new_event:
        return NextStep(title, StepState.OPEN)
    findings = drift_of(proxy, None).findings
    if findings:
        return NextStep(title, StepState.PROBLEM, _("Events differ from the configuration."), url)
    return NextStep(title, StepState.DONE)
