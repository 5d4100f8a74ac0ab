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
    """Return the values with their meanings."""
    return [(value.value, word.meaning) for value, word in words.items()]


def _moment(about: str, *, absent: str = "") -> serializers.DateTimeField:
    """``absent`` says when the value is null."""
    return serializers.DateTimeField(help_text=f"{about} {_UTC} {absent}".strip(), allow_null=bool(absent))


def _text(about: str, *, null: bool = False) -> serializers.CharField:
    return serializers.CharField(help_text=about, allow_null=null, allow_blank=True)


def _number(about: str, *, null: bool = False) -> serializers.IntegerField:
    return serializers.IntegerField(help_text=about, allow_null=null)


def _words(about: str) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), help_text=about)


class LegRecordSerializer(serializers.Serializer[object]):
    """One virtual hop of a forwarded call, from the proxy's multi_leg_info; the first hop comes first."""

    source = _text("The party that forwarded the call.", null=True)  # type: ignore[assignment]  # a member, no attribute
    destination = _text("The party that the call was forwarded to.", null=True)
    type = _text("The type that the proxy's script gives the hop.", null=True)
    values = serializers.DictField(child=serializers.CharField(), help_text="All logged values, by label.")


class AttemptRecordSerializer(serializers.Serializer[object]):
    """A branch that failed before the call was answered or abandoned."""

    code = _number("SIP code of its final response.")
    reason = _text("Reason phrase of its final response.")
    to_tag = _text("To tag of its final response.")
    time = _moment("Time of the failure.")
    extra = serializers.DictField(
        child=serializers.CharField(allow_blank=True), help_text="The extra fields of its own events, by label."
    )
    legs = LegRecordSerializer(many=True, help_text="The legs of its own events; the first hop comes first.")


class SettlementRecord(serializers.Serializer[object]):
    """The manually set end of a call without STOP, which is not part of the events."""

    ended_at = _moment("The end.", absent="Null: permanently unknown.")
    duration = serializers.FloatField(help_text="Seconds from the answer to that end.", allow_null=True)
    reason = _text("Reason for this end.")
    by = _text("The user who set it.")
    at = _moment("Time at which it was set.")


class CallRecordSerializer(serializers.Serializer[object]):
    """A call: one per answered dialog, or one per unanswered call attempt. Without the permission or the scope
    cdr.view_numbers, numbers are masked with •."""

    id = _number("Id of the call; it never changes.")
    call_id = _text("Call-ID.")
    from_tag = _text("The caller's tag.")
    to_tag = _text("The callee's tag; empty without a dialog.")
    caller = _text("The caller, as logged by the proxy.", null=True)
    callee = _text("The callee, as logged by the proxy.", null=True)
    source_ip = _text("Source address of the INVITE, if the proxy logs it.", null=True)
    user_agent = _text("The caller's User-Agent, if the proxy logs it.", null=True)
    state = serializers.ChoiceField(
        choices=_words_of(wording.STATES),
        help_text="State of the call, according to its known start and end.",
    )
    outcome = serializers.ChoiceField(
        choices=_words_of(wording.OUTCOMES),
        allow_null=True,
        help_text="Outcome of the call. Null: in setup.",
    )
    started_at = _moment("Time of the first event of the call.")
    answered_at = _moment("Time of the answer.", absent="Null: not answered, or unknown.")
    ended_at = _moment("Time of the end.", absent="Null: not yet, or unknown; an end is never invented.")
    duration = serializers.FloatField(
        allow_null=True, help_text="Seconds, to be interpreted according to duration_kind. Null: unknown."
    )
    duration_kind = serializers.ChoiceField(
        choices=_words_of(wording.DURATIONS),
        help_text="measured: from answer to end, both known; at_least, at_most: a bound; unknown: no duration.",
    )
    released_by = serializers.ChoiceField(
        choices=_words_of(wording.RELEASED), allow_null=True, help_text="Who released the call. Null: nobody."
    )
    sip_code = _number("Final SIP code.", null=True)
    sip_reason = _text("Reason phrase of the final response.", null=True)
    attempts = AttemptRecordSerializer(many=True, help_text="Failed branches, by time.")
    legs = LegRecordSerializer(many=True, help_text="Hops of a forwarded call, first hop first.")
    extra = serializers.DictField(
        child=serializers.CharField(), help_text="Extra fields of the START or else of the first event, by label."
    )
    flags = _words(
        "Remarks about the call: late_stop, clock_skew, legs_mixed, duplicate_stop, early_media, truncated, "
        "forged_separator, forked, direction_unknown, ack_start, ambiguous_time, ringing_included, superseded (do not "
        "bill it: another call replaces it), settled (see settlement). Further flags may be added."
    )
    proxies = _words("Names of the proxies that reported the call.")
    backends = _words("Accounting outputs through which it was reported.")
    events = _number("Number of its events.")
    revision = _number("1 at first; incremented with every change.")
    updated_at = _moment("Time of its creation or last change.")
    settlement = SettlementRecord(required=False, help_text="Only for a call without STOP whose end was set manually.")


class CallPageRecord(serializers.Serializer[object]):
    """A page of calls."""

    next = serializers.URLField(
        allow_null=True,
        help_text="URL of the next page: older calls, or later changes. Null: there is none at present.",
    )
    previous = serializers.URLField(
        allow_null=True, help_text="URL of the previous page: newer calls. Null: there is none, or changes are listed."
    )
    resume = serializers.URLField(
        allow_null=True,
        help_text="With updated_after: the URL for later changes, which never expires. Store it together with the "
        "results that you have processed. Otherwise null.",
    )
    results = CallRecordSerializer(many=True)


class EventRecord(serializers.Serializer[object]):
    """An accounting event with the Call-ID of the call, and its use in correlation."""

    id = _number("Id of the event.")
    proxy = _text("Name of the proxy that reported it.")
    source = _text("Source through which it was received, as proxy/name.")  # type: ignore[assignment]  # as above
    backend = serializers.ChoiceField(choices=[one.value for one in Backend], help_text="Accounting output.")
    kind = serializers.ChoiceField(choices=[one.value for one in EventKind], help_text="Kind of the event.")
    method = _text("SIP method.")
    from_tag = _text("From tag, as logged; a BYE of the callee has the tags swapped.")
    to_tag = _text("To tag, as logged.")
    code = _number("SIP code; 0: none.")
    reason = _text("Reason phrase.")
    time = _moment("Time of the event.")
    precision = _number("Resolution of that time, in microseconds.")
    received_at = _moment("Time of receipt.")
    created_at = _moment("For a dialog record: creation of the dialog.", absent="Otherwise null.")
    ended_at = _moment("For a dialog record: end of the dialog.", absent="Otherwise null.")
    duration = serializers.FloatField(
        allow_null=True,
        help_text="For a dialog record: its duration in seconds, as reported by the proxy. Otherwise null.",
    )
    extra = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2),
        help_text="Extra fields as pairs of label and text, in the order logged; a label may be repeated.",
    )
    legs = serializers.ListField(
        child=serializers.ListField(
            child=serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2)
        ),
        help_text="Leg values as received, each leg a list of such pairs.",
    )
    flags = _words("Remarks of the parser: truncated, forged_separator, ambiguous_time… Further flags may be added.")
    rule = serializers.ChoiceField(
        choices=_words_of(wording.RULES), help_text="Its use in correlation: start, stop, attempt…"
    )
    call = _number("Id of its call. Null: no call, or one that you may not see.", null=True)
    raw = serializers.CharField(
        allow_null=True,
        allow_blank=True,
        help_text="The line, row or packet exactly as received, in base64. Null without cdr.view_numbers.",
    )


class EventsRecord(serializers.Serializer[object]):
    """The events with the Call-ID of a call, by time, including those of other calls with this Call-ID."""

    left_out = _number("Number of events beyond the limit of 1000, which are not listed. Usually 0.")
    results = EventRecord(many=True)


class RevisionRecord(serializers.Serializer[object]):
    """A change of a published call."""

    revision = _number("The revision after the change.")
    at = _moment("Time of the change.")
    changes = serializers.DictField(
        child=serializers.ListField(min_length=2, max_length=2),
        help_text="By field, the value before and after; durations in seconds.",
    )


class RevisionsRecord(serializers.Serializer[object]):
    """All changes of a call, first change first."""

    results = RevisionRecord(many=True)
