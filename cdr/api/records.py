"""What the API tells, field by field: the source of the schema. The records themselves are made elsewhere, once."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from rest_framework import serializers

from cdr.display import wording
from cdr.events import EventKind
from proxyconf.vocabulary.layout import Backend

Value = TypeVar("Value", bound=StrEnum)
_UTC = "ISO 8601 in UTC."


def _words_of(words: Mapping[Value, wording.Word]) -> list[tuple[str, wording.Text]]:
    """Return the values with what each means."""
    return [(value.value, word.meaning) for value, word in words.items()]


def _moment(about: str, *, absent: str = "") -> serializers.DateTimeField:
    """``absent``: when it is null."""
    return serializers.DateTimeField(help_text=f"{about} {_UTC} {absent}".strip(), allow_null=bool(absent))


def _text(about: str, *, null: bool = False) -> serializers.CharField:
    return serializers.CharField(help_text=about, allow_null=null, allow_blank=True)


def _number(about: str, *, null: bool = False) -> serializers.IntegerField:
    return serializers.IntegerField(help_text=about, allow_null=null)


def _words(about: str) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), help_text=about)


class LegRecordSerializer(serializers.Serializer[object]):
    """One virtual hop of a forwarded call, from the proxy's multi_leg_info; the first hop comes first."""

    source = _text("Who forwarded it.", null=True)  # type: ignore[assignment]  # a member, no attribute
    destination = _text("To whom.", null=True)
    type = _text("What kind of hop the proxy's script calls it.", null=True)
    values = serializers.DictField(
        child=serializers.CharField(), help_text="Every value that was logged, by its label."
    )


class AttemptRecordSerializer(serializers.Serializer[object]):
    """A branch that failed before the call was answered or given up."""

    code = _number("SIP code of its final reply.")
    reason = _text("Reason phrase of its final reply.")
    to_tag = _text("To tag of its final reply.")
    time = _moment("When it failed.")
    extra = serializers.DictField(
        child=serializers.CharField(allow_blank=True), help_text="The extra fields of its own events, by label."
    )
    legs = LegRecordSerializer(many=True, help_text="The legs of its own events; the first hop comes first.")


class SettlementRecord(serializers.Serializer[object]):
    """How a person settled the end of a call whose STOP never came. The events do not tell it."""

    ended_at = _moment("The end.", absent="Null: unknown for good.")
    duration = serializers.FloatField(help_text="Seconds from the answer to that end.", allow_null=True)
    reason = _text("Why it was settled so.")
    by = _text("The user who settled it.")
    at = _moment("When it was settled.")


class CallRecordSerializer(serializers.Serializer[object]):
    """A call: one per answered dialog, or one per unanswered call attempt. Without the permission or the scope
    cdr.view_numbers, numbers are masked with •."""

    id = _number("Number of the call in accweb; it never changes.")
    call_id = _text("Call-ID.")
    from_tag = _text("The caller's tag.")
    to_tag = _text("The callee's tag; empty where no dialog came about.")
    caller = _text("Who called, as the proxy logs it.", null=True)
    callee = _text("Who was called, as the proxy logs it.", null=True)
    source_ip = _text("Address that the INVITE came from, if the proxy logs it.", null=True)
    user_agent = _text("The caller's User-Agent, if the proxy logs it.", null=True)
    state = serializers.ChoiceField(
        choices=_words_of(wording.STATES),
        help_text="What is known of its beginning and end.",
    )
    outcome = serializers.ChoiceField(
        choices=_words_of(wording.OUTCOMES),
        allow_null=True,
        help_text="What became of it. Null while it is being set up.",
    )
    started_at = _moment("Its first sign: the first INVITE's event.")
    answered_at = _moment("When it was answered.", absent="Null: not answered, or not known.")
    ended_at = _moment("When it ended.", absent="Null: not yet, or not known; an end is never invented.")
    duration = serializers.FloatField(
        allow_null=True, help_text="Seconds; what the number means is said by duration_kind. Null: unknown."
    )
    duration_kind = serializers.ChoiceField(
        choices=_words_of(wording.DURATIONS),
        help_text="measured: from answer to end, both known; at_least, at_most: a bound; unknown: no duration.",
    )
    released_by = serializers.ChoiceField(
        choices=_words_of(wording.RELEASED), allow_null=True, help_text="Who hung up. Null: nobody did."
    )
    sip_code = _number("Final SIP code.", null=True)
    sip_reason = _text("Reason phrase of the final reply.", null=True)
    attempts = AttemptRecordSerializer(many=True, help_text="Branches that failed, in the order of time.")
    legs = LegRecordSerializer(many=True, help_text="Hops of a forwarded call, the first one first.")
    extra = serializers.DictField(
        child=serializers.CharField(), help_text="Extra fields of the START, else of the first event, by label."
    )
    flags = _words(
        "What a reader should know besides: late_stop, clock_skew, legs_mixed, duplicate_stop, early_media, truncated, "
        "forged_separator, forked, direction_unknown, ack_start, ambiguous_time, ringing_included, superseded (do not "
        "bill it: another call has taken its place), settled (see settlement). More may come."
    )
    proxies = _words("Names of the proxies that accounted it.")
    backends = _words("Through which backends they told it.")
    events = _number("How many events it was made of.")
    revision = _number("1 at first; grows with every change.")
    updated_at = _moment("When it was made or last changed.")
    settlement = SettlementRecord(
        required=False, help_text="There where a person settled the end of a call without STOP, else left out."
    )


class CallPageRecord(serializers.Serializer[object]):
    """Some calls, and where to go on."""

    next = serializers.URLField(
        allow_null=True, help_text="Address of the next page: older calls, or later changes. Null: there is none now."
    )
    previous = serializers.URLField(
        allow_null=True, help_text="Address of the page before: newer calls. Null: there is none, or changes are told."
    )
    resume = serializers.URLField(
        allow_null=True,
        help_text="With updated_after: the address to ask later for what changes from now on. It stays valid for good. "
        "Keep it with what you did of this page. Else null.",
    )
    results = CallRecordSerializer(many=True)


class EventRecord(serializers.Serializer[object]):
    """One accounting event with the Call-ID of the call, and the use that correlation made of it."""

    id = _number("Number of the event in accweb.")
    proxy = _text("Name of the proxy that wrote it.")
    source = _text("Source that it came through, as proxy/name.")  # type: ignore[assignment]  # as above
    backend = serializers.ChoiceField(choices=[one.value for one in Backend], help_text="Backend that told it.")
    kind = serializers.ChoiceField(choices=[one.value for one in EventKind], help_text="What it tells of.")
    method = _text("SIP method.")
    from_tag = _text("From tag, as logged: a BYE of the callee has the tags swapped.")
    to_tag = _text("To tag, as logged.")
    code = _number("SIP code; 0: none.")
    reason = _text("Reason phrase.")
    time = _moment("The event's own time.")
    precision = _number("Resolution of that time, in microseconds.")
    received_at = _moment("When accweb received it.")
    created_at = _moment("For a record of a dialog: when the dialog was created.", absent="Else null.")
    ended_at = _moment("For a record of a dialog: its end.", absent="Else null.")
    duration = serializers.FloatField(
        allow_null=True, help_text="For a record of a dialog: its duration in seconds, as the proxy has it. Else null."
    )
    extra = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2),
        help_text="Extra fields as pairs of label and text, in the order logged; a label may come twice.",
    )
    legs = serializers.ListField(
        child=serializers.ListField(
            child=serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2)
        ),
        help_text="Leg values as received, each leg a list of such pairs.",
    )
    flags = _words("What reading it showed: truncated, forged_separator, ambiguous_time… More may come.")
    rule = serializers.ChoiceField(
        choices=_words_of(wording.RULES), help_text="Which use correlation made of it: start, stop, attempt…"
    )
    call = _number("Number of the call that it is part of; null: of none, or of one outside your reach.", null=True)
    raw = serializers.CharField(
        allow_null=True,
        allow_blank=True,
        help_text="The line, row or packet exactly as received, in base64. Null without cdr.view_numbers.",
    )


class EventsRecord(serializers.Serializer[object]):
    """The events with the Call-ID of a call, by time: those of other calls with that Call-ID too."""

    left_out = _number("How many events are not told because there are more than 1000. Usually 0.")
    results = EventRecord(many=True)


class RevisionRecord(serializers.Serializer[object]):
    """What changed in a call that had been published."""

    revision = _number("The revision that the change led to.")
    at = _moment("When it changed.")
    changes = serializers.DictField(
        child=serializers.ListField(min_length=2, max_length=2),
        help_text="By field, the value before and after; durations in seconds.",
    )


class RevisionsRecord(serializers.Serializer[object]):
    """All changes of a call, the first one first."""

    results = RevisionRecord(many=True)
