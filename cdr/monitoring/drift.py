"""Find configuration drift: differences between a proxy's layout and the labels that it actually logs. Pure.

The labels are those in a sample of its newest events. Differences matter: a log line is parsed with the layout's labels
in order, so parsing stops at a label that the proxy does not write, and an unknown label becomes part of the value
before it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from cdr.events import EventKind, Pairs
from proxyconf.vocabulary.layout import Backend, FieldLayout
from proxyconf.vocabulary.products import Product

ENOUGH = 5
"""Minimum number of events of a backend for a finding of "never" or "always"."""

_FOLDED = frozenset({Backend.SQL, Backend.RADIUS})  # names in databases and dictionaries ignore case
_ENVELOPE = frozenset(  # added by the client library
    {"destination-realm", "nas-identifier", "nas-ip-address", "nas-ipv6-address", "nas-port", "service-type"}
)
_UNKNOWN_LABEL = re.compile(r";(?!user=(?:phone|ip)\b)([A-Za-z_][A-Za-z0-9_.-]{0,63})=")
_SIP_PARAMETERS = frozenset(
    ["branch", "cause", "expires", "lr", "maddr", "q", "received", "rport", "tag", "text", "transport", "ttl"]
)
_NO_FIELDS = (EventKind.MANUAL, EventKind.ON, EventKind.OFF)


class Sign(StrEnum):
    """The kind of a finding."""

    NEVER_SEEN = "never_seen"  # configured, and in no event
    NOT_CONFIGURED = "not_configured"  # in events, and not configured
    ALWAYS_EMPTY = "always_empty"
    LEGS_MIXED = "legs_mixed"
    GUESSED = "guessed"  # not in the layout; a heuristic is used


class Sample(NamedTuple):
    """The relevant parts of an event; legs and extras as received."""

    backend: Backend
    kind: EventKind
    extra: Pairs
    legs: Sequence[Pairs] = ()
    reason: str = ""


class DriftFinding(NamedTuple):
    """One difference.

    ``labels`` are in configured order; they belong to legs with ``of_legs``, to dialog records with ``of_dialogs``.
    ``often`` of ``total`` events (for mixed legs: calls) have it.
    """

    sign: Sign
    backend: Backend
    labels: tuple[str, ...]
    often: int
    total: int
    of_legs: bool = False
    of_dialogs: bool = False


def find_drift(
    layout: FieldLayout, samples: Iterable[Sample], *, product: Product, calls: int = 0, mixed: int = 0
) -> list[DriftFinding]:
    """Compare ``samples`` (of one proxy) with its ``layout``; ``mixed`` of their ``calls`` have their legs mixed."""
    groups: dict[tuple[Backend, bool], list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.kind not in _NO_FIELDS:
            groups[sample.backend, sample.kind is EventKind.CDR and product is not Product.OPENSIPS].append(sample)
    findings: list[DriftFinding] = []
    for (backend, of_dialogs), group in sorted(groups.items()):
        findings += _of_extras(_extras(layout, backend, product, of_dialogs=of_dialogs), backend, of_dialogs, group)
        if not of_dialogs:
            findings += _of_legs(_legs(layout, backend), backend, group)
            findings += _guesses(layout, backend, group)
    if mixed:
        with_legs = [backend for (backend, _), group in sorted(groups.items()) if any(sample.legs for sample in group)]
        backend = with_legs[0] if with_legs else Backend.SYSLOG
        findings.append(
            DriftFinding(Sign.LEGS_MIXED, backend, _legs(layout, backend) or (), mixed, calls, of_legs=True)
        )
    return findings


def _extras(layout: FieldLayout, backend: Backend, product: Product, *, of_dialogs: bool) -> tuple[str, ...] | None:
    """Return the configured labels, or ``None`` if unknown. OpenSIPS configures both AAA protocols alike."""
    if of_dialogs:
        return None if backend is Backend.JSON else layout.cdr.extras  # acc_json has a list of its own
    configured = layout.extras.get(backend)
    if configured is None and backend is Backend.DIAMETER:
        configured = layout.extras.get(Backend.RADIUS)
    if configured is not None and product is Product.OPENSIPS:
        configured += tuple(
            label for label in layout.cdr.extras or () if label not in configured
        )  # in records of dialogs
    return configured


def _legs(layout: FieldLayout, backend: Backend) -> tuple[str, ...] | None:
    configured = layout.legs.get(backend)
    return layout.legs.get(Backend.RADIUS) if configured is None and backend is Backend.DIAMETER else configured


def _of_extras(
    configured: tuple[str, ...] | None, backend: Backend, of_dialogs: bool, group: Sequence[Sample]
) -> Iterable[DriftFinding]:
    total = len(group)
    seen = _LabelCounts((sample.extra for sample in group), backend)
    if configured is not None:
        if total >= ENOUGH:
            never = tuple(label for label in configured if _folded(label, backend) not in seen.often)
            yield from _finding(Sign.NEVER_SEEN, backend, never, 0, total, of_dialogs)
        unknown = seen.others({_folded(label, backend) for label in configured} | _ENVELOPE)
        if backend is Backend.SYSLOG:
            unknown |= _inside_values(group)
        most = max(unknown.values(), default=0)
        yield from _finding(Sign.NOT_CONFIGURED, backend, tuple(unknown), most, total, of_dialogs)
    if total >= ENOUGH:
        yield from _finding(Sign.ALWAYS_EMPTY, backend, seen.empty(), total, total, of_dialogs)


def _of_legs(configured: tuple[str, ...] | None, backend: Backend, group: Sequence[Sample]) -> Iterable[DriftFinding]:
    """Compare legs, if there are any: calls that were not forwarded have none."""
    with_legs = [sample for sample in group if sample.legs]
    if not with_legs:
        return
    total = len(with_legs)
    seen = _LabelCounts((leg for sample in with_legs for leg in sample.legs), backend)
    if configured is not None:
        never = tuple(label for label in configured if _folded(label, backend) not in seen.often)
        yield from _finding(Sign.NEVER_SEEN, backend, never if total >= ENOUGH else (), 0, total, of_legs=True)
        unknown = tuple(seen.others({_folded(label, backend) for label in configured}))
        often = sum(any(label in unknown for leg in sample.legs for label, _ in leg) for sample in with_legs)
        yield from _finding(Sign.NOT_CONFIGURED, backend, unknown, often, total, of_legs=True)
    if total >= ENOUGH:
        yield from _finding(Sign.ALWAYS_EMPTY, backend, seen.empty(), total, total, of_legs=True)


def _guesses(layout: FieldLayout, backend: Backend, group: Sequence[Sample]) -> Iterable[DriftFinding]:
    """Report guessed labels: all labels of log lines, or the leg labels of other backends."""
    if backend is Backend.SYSLOG and backend not in layout.extras:
        guessed = tuple(_LabelCounts((sample.extra for sample in group), backend).spelled)
        yield DriftFinding(Sign.GUESSED, backend, guessed, sum(bool(sample.extra) for sample in group), len(group))
    elif backend is not Backend.JSON and _legs(layout, backend) is None:
        legs = [leg for sample in group for leg in sample.legs]
        if legs:
            often = sum(bool(sample.legs) for sample in group)
            guessed = tuple(_LabelCounts(legs, backend).spelled)
            yield DriftFinding(Sign.GUESSED, backend, guessed, often, len(group), of_legs=True)


def _finding(
    sign: Sign,
    backend: Backend,
    labels: tuple[str, ...],
    often: int,
    total: int,
    of_dialogs: bool = False,
    *,
    of_legs: bool = False,
) -> Iterable[DriftFinding]:
    if labels:
        yield DriftFinding(sign, backend, labels, often, total, of_legs, of_dialogs)


class _LabelCounts:
    """The labels of events (or legs): how many have each label, how many with a value, and its spelling."""

    def __init__(self, events: Iterable[Pairs], backend: Backend) -> None:
        self.often: Counter[str] = Counter()
        self.filled: Counter[str] = Counter()
        self.spelled: dict[str, str] = {}
        for pairs in events:
            labels = {_folded(label, backend): label for label, _ in pairs}
            self.spelled = labels | self.spelled
            self.often.update(list(labels))
            self.filled.update({_folded(label, backend) for label, text in pairs if text})

    def empty(self) -> tuple[str, ...]:
        return tuple(self.spelled[label] for label in self.often if not self.filled[label])

    def others(self, own: set[str]) -> dict[str, int]:
        """Return the labels not in ``own`` (folded) in their spelling, with their numbers."""
        return {self.spelled[label]: often for label, often in self.often.items() if label not in own}


def _folded(label: str, backend: Backend) -> str:
    return label.lower() if backend in _FOLDED or label.lower() in _ENVELOPE else label


def _inside_values(group: Sequence[Sample]) -> dict[str, int]:
    """Return apparent labels inside values of log lines that most lines have; rarer ones may be forged."""
    counts: Counter[str] = Counter()
    for sample in group:
        values = (sample.reason, *(text for _, text in sample.extra), *(t for leg in sample.legs for _, t in leg))
        counts.update({name for value in values if ";" in value for name in _UNKNOWN_LABEL.findall(value)})
    most = {name: count for name, count in counts.items() if count > len(group) / 2 and count >= ENOUGH}
    return {name: count for name, count in most.items() if name not in _SIP_PARAMETERS}
