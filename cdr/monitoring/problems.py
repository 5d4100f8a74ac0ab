"""Proxies whose data collection has a problem, for the overview, the wall screen and the menu."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from cdr.display.wording import Word
from cdr.monitoring.health import ProxyHealth, Verdict, health_of
from cdr.monitoring.health_wording import VERDICTS
from proxyconf.models.reach import proxies_named, within_reach

KEPT_SECONDS = 30
MOST_PROXIES = 200


@dataclass(frozen=True, slots=True)
class CollectionProblem:
    """A proxy that is not collected as it should be. ``since``: the last input or report, where known."""

    proxy: str
    verdict: Verdict
    since: datetime | None

    @property
    def word(self) -> Word:
        return VERDICTS[self.verdict]


def collection_problems(names: frozenset[str] | None) -> list[CollectionProblem]:
    """Return the problems of the proxies ``names`` (``None``: all), the worst first, up to ``KEPT_SECONDS`` old."""
    return cache.get_or_set(_key(names), lambda: _problems(names), KEPT_SECONDS) or []


def menu_badge(request: HttpRequest) -> int:
    """Return the number of proxies with a problem, for the menu."""
    return len(collection_problems(within_reach(request.user)))


def _problems(names: frozenset[str] | None) -> list[CollectionProblem]:
    proxies = list(proxies_named(names).order_by("name")[:MOST_PROXIES])
    found = [_problem(one) for one in health_of(proxies, timezone.now()) if one.verdict >= Verdict.CLOCK_AHEAD]
    return sorted(found, key=lambda problem: (-problem.verdict, problem.proxy))


def _problem(health: ProxyHealth) -> CollectionProblem:
    return CollectionProblem(health.proxy.name, health.verdict, health.worst.since if health.worst else None)


def _key(names: frozenset[str] | None) -> str:
    text = "all" if names is None else "\0".join(sorted(names))
    return f"collection-problems-{sha256(text.encode()).hexdigest()}"
