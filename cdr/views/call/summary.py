"""A call in plain text, for a ticket or an e-mail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext

from cdr.correlation.record import CallState, DurationKind, Flag, Outcome, ReleasedBy
from cdr.display import wording
from cdr.display.badges import duration_sign
from cdr.display.clocks import clock
from cdr.display.safe_text import one_line
from cdr.models import Call


def summary(call: Call, address: str) -> str:
    """Return what is known of ``call``, a line for each thing; times in the current zone, ``address`` at the end.

    Text from a proxy takes one line, whatever it contains.
    """
    return "\n".join([*(f"{label}: {text}" for label, text in _lines(call) if text), address])


def _lines(call: Call) -> Iterator[tuple[str, str]]:
    yield gettext("Call"), f"{one_line(call.caller or '?')} → {one_line(call.callee or '?')}"
    yield gettext("State"), str(wording.STATES[CallState(call.state)].label)
    yield gettext("Started"), _moment(call.started_at)
    yield gettext("Answered"), _moment(call.answered_at)
    yield gettext("Ended"), _moment(call.ended_at)
    if call.duration is not None:
        kind = wording.DURATIONS[DurationKind(call.duration_kind)].label
        yield gettext("Duration"), f"{duration_sign(call)} {clock(call.duration)} ({kind})".strip()
    yield gettext("Outcome"), str(wording.OUTCOMES[Outcome(call.outcome)].label) if call.outcome else ""
    yield gettext("SIP response"), " ".join(filter(None, [str(call.sip_code or ""), one_line(call.sip_reason or "")]))
    yield gettext("Released by"), str(wording.RELEASED[ReleasedBy(call.released_by)].label) if call.released_by else ""
    yield gettext("Flags"), ", ".join(str(wording.FLAGS[Flag(flag)].label) for flag in call.flags if flag in set(Flag))
    yield gettext("Proxy"), ", ".join(call.proxies)
    yield gettext("Source IP"), one_line(call.source_ip or "")
    yield gettext("User agent"), one_line(call.user_agent or "")
    for label, text in call.extra.items():
        yield one_line(label), one_line(text)
    yield gettext("Call-ID"), one_line(call.call_id)
    yield gettext("From tag"), one_line(call.from_tag)
    yield gettext("To tag"), one_line(call.to_tag or "")


def _moment(value: datetime | None) -> str:
    if value is None:
        return ""
    local = timezone.localtime(value)
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"
