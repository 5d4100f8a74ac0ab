"""Labels and meanings of states, outcomes, flags and rules.

``label`` is short, for badges and columns; ``meaning`` is one or two sentences: what is known, and what support and
billing should do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import CallState, DurationKind, Flag, Outcome, ReleasedBy, Rule
from cdr.display.histogram import Group
from cdr.display.ladder import LadderNote, Side
from proxyconf.vocabulary.layout import BACKEND_NAMES, Backend

Text = str | Promise


class Word(NamedTuple):
    label: Text
    meaning: Text


STATES: Mapping[CallState, Word] = {
    CallState.SETUP: Word(
        _("In setup"),
        _(
            "Only provisional events so far (early media, a ringing branch). The call may still be answered. "
            "Nothing to bill."
        ),
    ),
    CallState.ONGOING: Word(
        _("Ongoing"),
        _("Answered; no STOP yet. After the longest plausible call duration of the proxy the state becomes No STOP."),
    ),
    CallState.COMPLETED: Word(_("Completed"), _("Answered and ended: both START and STOP were recorded.")),
    CallState.STOP_MISSING: Word(
        _("No STOP"),
        _(
            "Answered, but no BYE was recorded: the phone lost its connection, the BYE was not flagged or did "
            "not pass the proxy, or its event was lost. The end is unknown: do not bill a duration from this "
            "record alone. A late STOP completes the call."
        ),
    ),
    CallState.START_MISSING: Word(
        _("No START"),
        _(
            "A BYE ended this call, but no answer was recorded: the call began before data collection did, its "
            "INVITE was not flagged, or the event was lost. The answer time is unknown."
        ),
    ),
    CallState.UNANSWERED: Word(_("Unanswered"), _("Nobody answered; the outcome says why. Nothing to bill.")),
}

SETTLED = Word(
    _("End set manually"),
    _("No STOP was recorded; a user set the end. A late STOP replaces it."),
)

OUTCOMES: Mapping[Outcome, Word] = {
    Outcome.ANSWERED: Word(_("Answered"), _("The INVITE got a 2xx response.")),
    Outcome.BUSY: Word(_("Busy"), _("The callee was busy (486 or 600).")),
    Outcome.NO_ANSWER: Word(
        _("No answer"), _("Nobody answered in time, or the callee was not reachable (408 or 480).")
    ),
    Outcome.CANCELLED: Word(_("Cancelled"), _("The caller cancelled the call before an answer (CANCEL, 487).")),
    Outcome.DECLINED: Word(_("Declined"), _("The callee refused the call (603).")),
    Outcome.NOT_FOUND: Word(_("Not found"), _("The number does not exist or is incomplete (404, 410, 484 or 604).")),
    Outcome.REDIRECTED: Word(_("Redirected"), _("The caller was redirected to another address (3xx).")),
    Outcome.UNAUTHORIZED: Word(
        _("Unauthorized"), _("The proxy asked for credentials, and no valid ones followed (401, 402 or 407).")
    ),
    Outcome.FAILED: Word(_("Failed"), _("The call failed for another reason; see the SIP response.")),
}

GROUPS: Mapping[Group, Word] = {
    Group.ANSWERED: Word(_("Answered"), _("The INVITE got a 2xx response.")),
    Group.NOT_ANSWERED: Word(
        _("Not answered"),
        _("The call was delivered but not answered: busy, no answer, cancelled or declined."),
    ),
    Group.FAILED: Word(
        _("Failed"),
        _("The call was not delivered: not found, redirected, unauthorized or failed for another reason."),
    ),
    Group.SETUP: Word(_("In setup"), _("Only provisional events so far; no outcome yet.")),
}

DURATIONS: Mapping[DurationKind, Word] = {
    DurationKind.MEASURED: Word(_("measured"), _("From the answer to the end; both were recorded.")),
    DurationKind.AT_LEAST: Word(
        _("at least"),
        _("Minimum duration: only one end of the call and its last activity were recorded."),
    ),
    DurationKind.AT_MOST: Word(_("at most"), _("Maximum duration: the time may include ringing before the answer.")),
    DurationKind.UNKNOWN: Word(_("unknown"), _("The duration was not recorded.")),
}

RELEASED: Mapping[ReleasedBy, Word] = {
    ReleasedBy.CALLER: Word(_("Caller"), _("The caller ended the call.")),
    ReleasedBy.CALLEE: Word(_("Callee"), _("The callee ended the call.")),
    ReleasedBy.UNKNOWN: Word(
        _("unknown"),
        _(
            "The accounting does not show who ended the call: detect_direction is set, the source is a dialog "
            "record, or there is no START."
        ),
    ),
}

FLAGS: Mapping[Flag, Word] = {
    Flag.LATE_STOP: Word(
        _("Late STOP"),
        _(
            "The call ended later than the longest plausible call duration of this proxy. Support: a BYE may "
            "have been lost and a timer ended the call. Billing: check the duration before charging it."
        ),
    ),
    Flag.CLOCK_SKEW: Word(
        _("Clock skew"),
        _(
            "The STOP is dated before the START by more than the clock resolution: a clock was stepped, or the "
            "clocks of two proxies differ. The duration cannot be derived from these times."
        ),
    ),
    Flag.LEGS_MIXED: Word(
        _("Legs mixed"),
        _(
            "Some legs lack a value, so values moved to other legs: source and destination of a leg may not "
            "belong together. In the proxy's script, set every leg value each time a call is forwarded."
        ),
    ),
    Flag.DUPLICATE_STOP: Word(
        _("Several STOPs"),
        _(
            "More than one BYE was recorded (both sides ended the call at the same time, or a retransmission). "
            "The first one counts."
        ),
    ),
    Flag.EARLY_MEDIA: Word(
        _("Early media"),
        _(
            "Audio was sent before the answer, such as an announcement. It is not an answer and not part of the "
            "duration."
        ),
    ),
    Flag.TRUNCATED: Word(
        _("Truncated"),
        _("A log line was cut: fields at its end are missing or incomplete. Raise the line limit of the log system."),
    ),
    Flag.FORGED_SEPARATOR: Word(
        _("Injected separator"),
        _(
            "A value contains text that looks like fields (such as ;call_id=). The real fields come first in the "
            "record and were used. The sender may have tried to forge accounting."
        ),
    ),
    Flag.FORKED: Word(
        _("Forked"),
        _(
            "One INVITE created several dialogs: more than one phone answered, and each answer is a call. "
            "Billing: usually only the longest was a conversation."
        ),
    ),
    Flag.DIRECTION_UNKNOWN: Word(
        _("Direction unknown"),
        _("No INVITE was recorded: caller and callee may be swapped."),
    ),
    Flag.ACK_START: Word(
        _("START from ACK"),
        _("The answer was not recorded. The START is taken from the ACK that confirms it, moments later."),
    ),
    Flag.ASSUMED_YEAR: Word(
        _("Year assumed"),
        _(
            "The log line has no year, and the latest possible one was taken. Duration and time of day are not "
            "affected."
        ),
    ),
    Flag.AMBIGUOUS_TIME: Word(
        _("Ambiguous time"),
        _(
            "A local time falls into an hour that a daylight saving change repeats or skips, so it may be off by "
            "one hour. Billing: check the duration. To avoid this, run the proxy's clock in UTC."
        ),
    ),
    Flag.RINGING_INCLUDED: Word(
        _("Ringing included"),
        _("The proxy measures the duration from the INVITE or the first ringing. The conversation was shorter."),
    ),
    Flag.SUPERSEDED: Word(
        _("Merged into another call"),
        _("A later event showed that this is part of another call. Do not bill it: the other call replaces it."),
    ),
}

RULES: Mapping[Rule, Word] = {
    Rule.START: Word(_("START"), _("The first 2xx to an INVITE of this dialog: the call was answered.")),
    Rule.STOP: Word(_("STOP"), _("The first BYE of this dialog, regardless of the response: the call ended.")),
    Rule.REINVITE: Word(
        _("re-INVITE"), _("Another INVITE within the dialog (hold, codec change): the call was still active.")
    ),
    Rule.IN_DIALOG: Word(_("In-dialog request"), _("Another request of this call.")),
    Rule.EARLY: Word(_("Early media"), _("A provisional response with media; not an answer.")),
    Rule.ATTEMPT: Word(_("Failed attempt"), _("A branch that failed before the call was answered or abandoned.")),
    Rule.FINAL: Word(_("Final response"), _("The final response to the caller; it determines the outcome.")),
    Rule.CANCEL: Word(_("CANCEL"), _("The caller cancelled the call. It never ends an answered call.")),
    Rule.ACK: Word(_("ACK"), _("Confirms the answer; not used if there is a START.")),
    Rule.CDR: Word(_("Dialog record"), _("The proxy's own record of the dialog.")),
    Rule.MANUAL: Word(_("By script"), _("The proxy's script wrote this record; it does not change the call.")),
    Rule.SAME: Word(_("Duplicate"), _("The same event through another accounting output or proxy.")),
    Rule.EXTRA_STOP: Word(
        _("Further STOP"), _("A BYE after the one that ended the call; it does not change the call.")
    ),
    Rule.NO_CALL: Word(_("Not a call"), _("A transaction outside calls (MESSAGE, REGISTER, OPTIONS…).")),
    Rule.NO_DIALOG: Word(_("Unknown dialog"), _("Belongs to a dialog without other events.")),
    Rule.PROXY_STATE: Word(_("Proxy state"), _("The proxy started or stopped; this does not end calls.")),
}

LADDER_SIDES: Mapping[Side, Text] = {
    Side.CALLER: _("Caller"),
    Side.PROXY: _("Proxy"),
    Side.BRANCH: _("Failed branch"),
    Side.FORWARDER: _("Forwarder"),
    Side.CALLEE: _("Callee"),
}

LADDER_NOTES: Mapping[LadderNote, Text] = {
    LadderNote.NO_START: _("no answer recorded"),
    LadderNote.NO_STOP: _("no STOP: end unknown"),
    LadderNote.ONGOING: _("no STOP yet"),
    LadderNote.SETTLED: _("no STOP: end set manually"),
    LadderNote.TIMED_OUT: _("408: no final response in time"),
    LadderNote.RECORD_ENDED: _("end, from the proxy's dialog record"),
    LadderNote.CUT: _("… more events in the timeline"),
}

DOUBTFUL = frozenset({Flag.RINGING_INCLUDED, Flag.AMBIGUOUS_TIME, Flag.LATE_STOP})
"""Flags that make a measured duration uncertain: it is shown as approximate."""


def backend_name(backend: str) -> str:
    """Return the name of an accounting output; that of a later version is shown as stored."""
    return BACKEND_NAMES[Backend(backend)] if backend in set(Backend) else backend


def backend_names(backends: Iterable[str]) -> str:
    return ", ".join(map(backend_name, backends))
