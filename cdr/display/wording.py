"""What each state, outcome, flag and rule means, in words for the people who read calls.

``label`` is short (a badge, a column), ``meaning`` one or two sentences: what is known, and what support and billing
should make of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import DurationKind, Flag, Outcome, ReleasedBy, Rule, State
from cdr.display.histogram import Group
from cdr.display.ladder import Note, Side

Text = str | Promise


class Word(NamedTuple):
    label: Text
    meaning: Text


STATES: Mapping[State, Word] = {
    State.SETUP: Word(
        _("being set up"),
        _(
            "Only provisional evidence so far (early media, a ringing branch). Nothing to bill; it may still be "
            "answered."
        ),
    ),
    State.ONGOING: Word(
        _("ongoing"),
        _(
            "Answered, and no STOP has come yet. Past the proxy's longest plausible call it will be held for a call "
            "whose STOP is missing."
        ),
    ),
    State.COMPLETED: Word(_("completed"), _("Answered and ended: START and STOP are both known.")),
    State.STOP_MISSING: Word(
        _("STOP missing"),
        _(
            "Answered, but the BYE that ends it was never accounted: the phone vanished, the BYE was not flagged "
            "or not routed through the proxy, or its event was lost. The end is unknown: do not bill a duration "
            "from this record alone. A STOP that still comes completes the call."
        ),
    ),
    State.START_MISSING: Word(
        _("START missing"),
        _(
            "A BYE ended this call, but its answer was never accounted: it began before the collection did, its INVITE "
            "was not flagged, or the event was lost. When it was answered is unknown."
        ),
    ),
    State.UNANSWERED: Word(_("unanswered"), _("Nobody answered; the outcome says why. Nothing to bill.")),
}

SETTLED = Word(
    _("settled by hand"),
    _(
        "The STOP never came, and a person settled the end; the events do not tell it. A STOP that still comes takes "
        "its place."
    ),
)

OUTCOMES: Mapping[Outcome, Word] = {
    Outcome.ANSWERED: Word(_("answered"), _("The INVITE got a 2xx.")),
    Outcome.BUSY: Word(_("busy"), _("The callee was busy (486 or 600).")),
    Outcome.NO_ANSWER: Word(
        _("no answer"), _("Nobody picked up in time, or the callee was not reachable (408 or 480).")
    ),
    Outcome.CANCELLED: Word(_("cancelled"), _("The caller hung up before an answer (CANCEL, 487).")),
    Outcome.DECLINED: Word(_("declined"), _("The callee refused the call (603).")),
    Outcome.NOT_FOUND: Word(_("not found"), _("The number does not exist or is incomplete (404, 410, 484 or 604).")),
    Outcome.REDIRECTED: Word(_("redirected"), _("The caller was told another address (3xx).")),
    Outcome.UNAUTHORIZED: Word(
        _("unauthorized"), _("The proxy asked for credentials, and no accepted ones followed (401, 402 or 407).")
    ),
    Outcome.FAILED: Word(_("failed"), _("The call failed for another reason; the SIP code tells which.")),
}

GROUPS: Mapping[Group, Word] = {
    Group.ANSWERED: Word(_("answered"), _("The INVITE got a 2xx.")),
    Group.NOT_TAKEN: Word(
        _("not taken"),
        _("The network did its part, and nobody spoke: busy, no answer, cancelled by the caller, or declined."),
    ),
    Group.FAILED: Word(
        _("failed"),
        _("The call did not get through: not found, redirected, unauthorized, or failed for another reason."),
    ),
    Group.SETUP: Word(_("being set up"), _("Only provisional evidence so far: the outcome is still to come.")),
}

DURATIONS: Mapping[DurationKind, Word] = {
    DurationKind.MEASURED: Word(_("measured"), _("From the answer to the end, both known.")),
    DurationKind.AT_LEAST: Word(
        _("at least"),
        _("The call was alive for this long at least: its last sign of life is known, its other end is not."),
    ),
    DurationKind.AT_MOST: Word(
        _("at most"), _("The call lasted no longer than this: the time may include the ringing before the answer.")
    ),
    DurationKind.UNKNOWN: Word(_("unknown"), _("Nothing tells how long the call lasted; no duration is invented.")),
}

RELEASED: Mapping[ReleasedBy, Word] = {
    ReleasedBy.CALLER: Word(_("caller"), _("The caller ended it.")),
    ReleasedBy.CALLEE: Word(_("callee"), _("The callee ended it.")),
    ReleasedBy.UNKNOWN: Word(
        _("unknown"),
        _(
            "The accounting does not tell who hung up: the proxy writes both directions alike (detect_direction), a "
            "dialog record has no sender, or the START is missing."
        ),
    ),
}

FLAGS: Mapping[Flag, Word] = {
    Flag.LATE_STOP: Word(
        _("late STOP"),
        _(
            "The STOP came later than the longest plausible call of this proxy. Support: a BYE may have been lost "
            "and the call ended by a timer. Billing: check the duration before charging it."
        ),
    ),
    Flag.CLOCK_SKEW: Word(
        _("clock skew"),
        _(
            "The STOP bears an earlier time than the START, by more than the clocks' resolution: a clock was "
            "stepped, or two proxies disagree. The duration cannot be told from these times."
        ),
    ),
    Flag.LEGS_MIXED: Word(
        _("legs mixed"),
        _(
            "Leg values were not set for every leg, so they slid to other legs: source and destination of a row "
            "may not belong together. Set every leg value each time the call is forwarded."
        ),
    ),
    Flag.DUPLICATE_STOP: Word(
        _("several STOPs"),
        _("More than one BYE was accounted (both sides hung up at once, or a repeat). The first one counts."),
    ),
    Flag.EARLY_MEDIA: Word(
        _("early media"),
        _("Sound was sent before the answer (an announcement, say). It is no answer and is not part of the duration."),
    ),
    Flag.TRUNCATED: Word(
        _("truncated"),
        _(
            "A log line was cut, so fields at its end are missing or incomplete. Raise the line limit of the log "
            "system."
        ),
    ),
    Flag.FORGED_SEPARATOR: Word(
        _("forged separator"),
        _(
            "A value holds what looks like fields of its own (such as ;call_id=). The true fields come first in "
            "the record and won; the sender may have tried to forge accounting."
        ),
    ),
    Flag.FORKED: Word(
        _("forked"),
        _(
            "Several dialogs came from one INVITE: more than one phone answered, and each answer is a call. Billing: "
            "usually only the longest was a conversation."
        ),
    ),
    Flag.DIRECTION_UNKNOWN: Word(
        _("direction unknown"),
        _("No INVITE was seen, so caller and callee may stand swapped."),
    ),
    Flag.ACK_START: Word(
        _("START from ACK"),
        _("The answer itself was not accounted; the ACK that confirms it tells of the START, some moments later."),
    ),
    Flag.AMBIGUOUS_TIME: Word(
        _("ambiguous time"),
        _(
            "A local time lies in the hour that a change of summer time repeats or skips, so it may be off by that "
            "hour. Billing: check the duration. Let the proxy's clock run in UTC to avoid this."
        ),
    ),
    Flag.RINGING_INCLUDED: Word(
        _("ringing included"),
        _("The proxy's own duration counts from the INVITE or the first ringing: the conversation was shorter."),
    ),
    Flag.SUPERSEDED: Word(
        _("superseded"),
        _("A later event showed this to be part of another call. Do not bill it: the other call has taken its place."),
    ),
}

RULES: Mapping[Rule, Word] = {
    Rule.START: Word(_("START"), _("The first 2xx to an INVITE of this dialog: the call was answered.")),
    Rule.STOP: Word(_("STOP"), _("The first BYE of this dialog, whatever its reply: the call ended.")),
    Rule.REINVITE: Word(
        _("re-INVITE"), _("Another INVITE within the dialog (hold, codec change): proves that the call was alive.")
    ),
    Rule.IN_DIALOG: Word(_("in the call"), _("Another request that goes with this call.")),
    Rule.EARLY: Word(_("early media"), _("A provisional reply with media: no answer.")),
    Rule.ATTEMPT: Word(_("attempt"), _("A branch that failed before the call was answered or given up.")),
    Rule.FINAL: Word(_("final reply"), _("The final reply to the caller: it tells the outcome.")),
    Rule.CANCEL: Word(_("CANCEL"), _("The caller gave up. It never ends an answered call.")),
    Rule.ACK: Word(_("ACK"), _("Confirms the answer; it adds nothing where the START is known.")),
    Rule.CDR: Word(_("proxy's own record"), _("The record that the proxy itself keeps of the dialog.")),
    Rule.MANUAL: Word(_("by script"), _("The proxy's script asked for this record; it changes nothing in the call.")),
    Rule.SAME: Word(_("same event"), _("The same event once more, through another backend or proxy.")),
    Rule.EXTRA_STOP: Word(_("further STOP"), _("A BYE after the one that ended the call; it changes nothing.")),
    Rule.NO_CALL: Word(_("of no call"), _("A transaction outside of calls (MESSAGE, REGISTER, OPTIONS…).")),
    Rule.NO_DIALOG: Word(_("of no known call"), _("Belongs to a dialog of which nothing else is known.")),
    Rule.PROXY_STATE: Word(_("proxy state"), _("The proxy says that it starts or stops; it ends no call.")),
}

LADDER_SIDES: Mapping[Side, Text] = {
    Side.CALLER: _("caller"),
    Side.PROXY: _("proxy"),
    Side.BRANCH: _("branch that failed"),
    Side.FORWARDER: _("forwarded the call"),
    Side.CALLEE: _("callee"),
}

LADDER_NOTES: Mapping[Note, Text] = {
    Note.NO_START: _("the answer was never accounted"),
    Note.NO_STOP: _("no STOP ever came: the end is unknown"),
    Note.ONGOING: _("no STOP yet"),
    Note.SETTLED: _("settled by hand: no STOP ever came"),
    Note.TIMED_OUT: _("408: the proxy got no final reply in time"),
    Note.RECORD_ENDED: _("end, as the proxy's own record of the dialog tells it"),
    Note.CUT: _("… and more; the timeline has them"),
}

DOUBTFUL = frozenset({Flag.RINGING_INCLUDED, Flag.AMBIGUOUS_TIME, Flag.LATE_STOP})
"""Flags that put a measured duration in doubt: it is shown as approximate."""
