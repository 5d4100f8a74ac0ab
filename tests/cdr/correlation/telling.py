"""Events told in a line each: ``invite("a", "b", at=0)``, ``bye("b", "a", at=42)``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cdr.correlation.fold import fold
from cdr.correlation.record import CallRecord, Folded, Observed, Policy
from cdr.events import SECOND, AccEvent, EventKind
from proxyconf.vocabulary.layout import Backend, CdrLayout, FieldLayout

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
EVENING = NOON + timedelta(hours=8)
POLICIES = {
    "p": Policy(),
    "q": Policy(),
    "directed": Policy(layout=FieldLayout(detect_direction=True)),
    "confirmed": Policy(layout=FieldLayout(cdr=CdrLayout(start_on_confirmed=True))),
    "opensips": Policy(layout=FieldLayout(newest_leg_first=False), time_of_first_event=True),
    "elsewhere": Policy(cluster="elsewhere"),
}


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def told(kind: EventKind, method: str, from_tag: str, to_tag: str, at: float, code: int = 200, **more: Any) -> Observed:
    proxy = more.pop("proxy", "p")
    event = AccEvent(
        kind=kind,
        method=method,
        from_tag=from_tag,
        to_tag=to_tag,
        call_id=more.pop("call_id", "call@example"),
        code=code,
        reason=more.pop("reason", {200: "OK", 486: "Busy Here"}.get(code, "")),
        time=after(at),
        precision=more.pop("precision", SECOND),
        backend=more.pop("backend", Backend.SYSLOG),
        **more,
    )
    return Observed(event, proxy)


def invite(from_tag: str, to_tag: str, at: float, code: int = 200, **more: Any) -> Observed:
    kind = EventKind.ANSWERED if code < 300 else EventKind.FAILED
    return told(kind, "INVITE", from_tag, to_tag, at, code, **more)


def missed(from_tag: str, to_tag: str, at: float, code: int, **more: Any) -> Observed:
    return told(EventKind.MISSED, "INVITE", from_tag, to_tag, at, code, **more)


def early(from_tag: str, to_tag: str, at: float, **more: Any) -> Observed:
    return told(EventKind.EARLY, "INVITE", from_tag, to_tag, at, 183, **more)


def bye(from_tag: str, to_tag: str, at: float, code: int = 200, **more: Any) -> Observed:
    return told(EventKind.BYE, "BYE", from_tag, to_tag, at, code, **more)


def ack(from_tag: str, to_tag: str, at: float, **more: Any) -> Observed:
    return told(EventKind.ACK, "ACK", from_tag, to_tag, at, **more)


def cancel(from_tag: str, at: float, **more: Any) -> Observed:
    return told(EventKind.CANCEL, "CANCEL", from_tag, "", at, **more)


def cdr(at: float, seconds: float, from_tag: str = "", to_tag: str = "", code: int = 0, **more: Any) -> Observed:
    return told(
        EventKind.CDR,
        "INVITE",
        from_tag,
        to_tag,
        at,
        code,
        ended_at=after(at + seconds),
        duration_us=round(seconds * 1_000_000),
        **more,
    )


def folded(*events: Observed, now: datetime = EVENING) -> Folded:
    return fold(events, POLICIES, now)


def calls(*events: Observed, now: datetime = EVENING) -> list[CallRecord]:
    return folded(*events, now=now).calls


def call(*events: Observed, now: datetime = EVENING) -> CallRecord:
    """Return the one call that ``events`` make."""
    (only,) = calls(*events, now=now)
    return only
