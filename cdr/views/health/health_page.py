"""Health: the state of each proxy's sources, rejected input, configuration drift and lost events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView, View

from accweb.web import audit
from accweb.web.server_host import server_host
from accweb.web.shell import ShellMixin
from cdr.display.safe_text import one_line
from cdr.display.wording import Text, backend_name
from cdr.models import Event, Rejected, Source
from cdr.monitoring.connecting import ways
from cdr.monitoring.drift import ENOUGH
from cdr.monitoring.health import (
    GROUPED,
    MOST_WAITING,
    SAMPLE,
    Drift,
    Loss,
    ProxyHealth,
    Reason,
    SourceHealth,
    Verdict,
    drift_of,
    health_of,
    loss_of,
    newest_time,
    reasons,
    restarts,
)
from cdr.monitoring.health_wording import (
    SORTS,
    VERDICT_ICONS,
    VERDICTS,
    Advice,
    Link,
    advise,
    replayed_in_words,
)
from cdr.monitoring.loss import BackendShare
from cdr.queries.visibility import Visibility, masked_text
from cdr.storage.replay import replay
from cdr.storage.reread import CannotReread, reread
from proxyconf.models import Proxy
from proxyconf.models.reach import proxies_for

VIEW, REPLAY, REREAD = "cdr.view_source", "cdr.change_rejected", "cdr.change_source"
MOST_PROXIES = 200
AT_ONCE = 2_000
"""Rejected input that one request re-parses; the user waits for it."""
REREAD_AT_ONCE = 20_000
_LONGEST_SAMPLE = 600
_MOST_LOST = 20
_MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class Badge:
    """A verdict as shown on a page: text, icon and colour."""

    label: Text
    meaning: Text
    icon: str
    css: str
    since: datetime | None = None

    @classmethod
    def of(cls, verdict: Verdict, since: datetime | None = None) -> Badge:
        word = VERDICTS[verdict]
        dated = since if verdict in (Verdict.SILENT, Verdict.NOT_RUNNING, Verdict.FAILING) else None
        return cls(word.label, word.meaning, VERDICT_ICONS[verdict], verdict.name.lower(), dated)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source with its badge. ``refused``: input dropped before it was parsed, as reason and number."""

    health: SourceHealth
    badge: Badge
    refused: Sequence[tuple[str, int]]
    waiting_capped: bool

    @classmethod
    def of(cls, health: SourceHealth) -> SourceRow:
        refused = sorted(health.refused.items())
        return cls(health, Badge.of(health.verdict, health.since), refused, health.waiting >= MOST_WAITING)

    @property
    def error(self) -> str:
        """The error of a failing source; a receiver that stopped stored its last error with the source."""
        return self.health.source.error if self.health.verdict >= Verdict.FAILING else ""


@dataclass(frozen=True, slots=True)
class ProxyRow:
    proxy: Proxy
    badge: Badge
    sources: Sequence[SourceRow]

    @classmethod
    def of(cls, health: ProxyHealth) -> ProxyRow:
        since = health.worst.since if health.worst else None
        return cls(health.proxy, Badge.of(health.verdict, since), [SourceRow.of(source) for source in health.sources])


class HealthPage(ShellMixin, TemplateView):
    """All visible proxies, the worst first."""

    permission_required = VIEW
    template_name = "cdr/health.html"
    title = gettext_lazy("Health")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        proxies = list(proxies_for(self.request.user).order_by("name")[: MOST_PROXIES + 1])
        proxy_healths = health_of(proxies[:MOST_PROXIES], timezone.now())
        proxy_healths.sort(key=lambda health: (-health.verdict, health.proxy.name))
        return super().get_context_data(
            rows=[ProxyRow.of(health) for health in proxy_healths],
            more=len(proxies) > MOST_PROXIES,
            zone=timezone.get_current_timezone_name(),
            **kwargs,
        )


class ProxyMixin(ShellMixin):
    """A view about one visible proxy."""

    permission_required: str | Sequence[str] = VIEW
    kwargs: Mapping[str, str]

    @cached_property
    def proxy(self) -> Proxy:
        return get_object_or_404(proxies_for(self.request.user), name=self.kwargs["proxy"])


class ProxyHealthPage(ProxyMixin, TemplateView):
    """One proxy: its sources, rejected input, drift, losses, and how to connect it."""

    template_name = "cdr/health_proxy.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        now = timezone.now()
        (health,) = health_of([self.proxy], now)
        newest = newest_time(health.sources)
        drift = drift_of(self.proxy, newest) if newest else Drift()
        loss = loss_of(self.proxy, newest, now) if not drift.zones else None
        context = {
            "proxy": self.proxy,
            "release": self.proxy.release,
            "row": ProxyRow.of(health),
            "restarts": restarts(self.proxy),
            "drift": drift,
            "advice": self._advice(drift),
            "drift_enough": ENOUGH,
            "drift_bounded": drift.events >= SAMPLE,
            "loss": loss,
            "loss_rows": _loss_rows(loss) if loss else (),
            "loss_backends": [backend_name(one) for one in loss.meter.backends] if loss else (),
            "losses": _losses(loss) if loss else (),
            "reread_link": reverse("admin:proxyconf_proxy_change", args=[self.proxy.pk]),
            "ways": self._ways(health) if newest is None else (),
            "has_profile": hasattr(self.proxy, "profile"),
            "zone": timezone.get_current_timezone_name(),
            "title": _("Health of %(proxy)s") % {"proxy": self.proxy.name},
            **self._rejected(health),
        }
        return super().get_context_data(**kwargs | context)  # the address gives the proxy's name as "proxy"

    def _advice(self, drift: Drift) -> list[tuple[Advice, list[Link]]]:
        """Return each finding in words, with the links that the user may follow."""
        return [
            (advice, [link for link in advice.links if self.request.user.has_perm(link.permission)])
            for advice in advise(drift.findings, self.proxy)
        ]

    def _rejected(self, health: ProxyHealth) -> dict[str, Any]:
        sources = [one.source for one in health.sources if one.waiting]
        pending, more = reasons(sources)
        visibility = Visibility.of(self.request.user)
        after = self.request.GET.get("after", "")
        return {
            "reasons": [_ReasonRow.of(reason, visibility) for reason in pending[:_MOST_REASONS]],
            "reasons_capped": more,
            "grouped": GROUPED,
            "waiting": sum(one.waiting for one in health.sources),
            "waiting_capped": any(one.waiting >= MOST_WAITING for one in health.sources),
            "waiting_sources": sources,
            "after": after if after.isdecimal() else "",
            "numbers": visibility.numbers,
        }

    def _ways(self, health: ProxyHealth) -> Any:
        return ways(self.proxy, [one.source for one in health.sources], server_host(self.request))


@dataclass(frozen=True, slots=True)
class _ReasonRow:
    """A reason why input of a source was rejected, with the number of inputs and the newest of them.

    ``sample`` is raw input, and empty for users who see masked numbers.
    """

    source: Source
    reason: str
    count: int
    newest: Rejected
    sample: str
    address: str

    @classmethod
    def of(cls, pending: Reason, visibility: Visibility) -> _ReasonRow:
        reason = pending.sample.reason if visibility.numbers else masked_text(pending.sample.reason)
        sample = bytes(pending.sample.raw[:_LONGEST_SAMPLE]).decode("utf-8", "backslashreplace")
        address = reverse("admin:cdr_rejected_change", args=[pending.sample.pk])
        return cls(pending.source, reason, pending.count, pending.sample, sample if visibility.numbers else "", address)


def _loss_rows(loss: Loss) -> list[dict[str, Any]]:
    """Return a row for each sort of events, with the share that each backend delivered."""
    by_sort: dict[Any, list[BackendShare]] = {}
    for share in loss.meter.shares:
        by_sort.setdefault(share.sort, []).append(share)
    return [{"word": SORTS[sort], "known": shares[0].known, "shares": shares} for sort, shares in by_sort.items()]


def _losses(loss: Loss) -> list[dict[str, Any]]:
    """Return the lost events, with links to their calls."""
    return [
        {
            "word": SORTS[share.sort],
            "backend": backend_name(share.backend),
            "number": len(share.lost),
            "calls": _calls(share.lost),
            "more": max(len(set(share.lost)) - _MOST_LOST, 0),
        }
        for share in loss.meter.losses
    ]


def _calls(call_ids: Iterable[str]) -> list[tuple[str, str]]:
    """Return the newest Call-IDs as link texts, with their addresses."""
    distinct = list(dict.fromkeys(reversed(list(call_ids))))[:_MOST_LOST]
    addresses = [reverse("cdr:call-list", query={"call_id": call_id, "superseded": "1"}) for call_id in distinct]
    return [(one_line(call_id, 48), address) for call_id, address in zip(distinct, addresses, strict=True)]


class ReplayRejected(ProxyMixin, View):
    """Re-parse rejected input: of one source, or of all sources of the proxy."""

    permission_required = (VIEW, REPLAY)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        sources = Source.objects.filter(proxy=self.proxy)
        target = self.proxy.name
        if chosen := request.POST.get("source", ""):
            source = get_object_or_404(sources, pk=chosen if chosen.isdecimal() else 0)
            sources, target = sources.filter(pk=source.pk), str(source)
        position = request.POST.get("after", "")
        after = int(position) if position.isdecimal() and len(position) < 19 else 0
        done = replay(Rejected.objects.filter(source__in=sources), after=after, most=AT_ONCE)
        if done.waited:
            audit.record(request, audit.Action.REPLAYED, target, **done.as_dict())
        messages.add_message(request, messages.WARNING if done.failing else messages.SUCCESS, replayed_in_words(done))
        query = {"after": str(done.last)} if done.more else None
        address = reverse("cdr:health-proxy", args=[self.proxy.name], query=query)
        return redirect(f"{address}#rejected")


class RereadEvents(ProxyMixin, View):
    """Re-parse the stored events of the proxy after its time zone or layout was corrected."""

    permission_required = (VIEW, REREAD)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        address = reverse("cdr:health-proxy", args=[self.proxy.name]) + "#drift"
        events = Event.objects.filter(proxy=self.proxy)
        if events[: REREAD_AT_ONCE + 1].count() > REREAD_AT_ONCE:
            text = _("Too many events to re-parse here. On the server, run: manage.py source reread {proxy}")
            messages.warning(request, text.format(proxy=self.proxy.name))
            return redirect(address)
        try:
            with transaction.atomic():
                counts = reread(events)
                audit.record(
                    request,
                    audit.Action.CHANGED,
                    _("events of {proxy}").format(proxy=self.proxy.name),
                    **counts.as_dict(),
                )
        except CannotReread as error:
            messages.error(request, str(error))
            return redirect(address)
        text = _(
            "{read} events were re-parsed: {replaced} replaced, {merged} merged, {same} unchanged, {unreadable} "
            "kept because their input cannot be parsed. The calls are updated within seconds."
        )
        messages.success(request, text.format(**counts.as_dict()))
        return redirect(address)
