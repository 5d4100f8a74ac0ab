"""What holds for every set of events."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation import fold as fold_module
from cdr.correlation.clean import clean_call
from cdr.correlation.evidence import in_order
from cdr.correlation.fold import calls_of, fold
from cdr.correlation.record import CallState, Folded, Observed, Use
from cdr.correlation.uses import uses_of
from cdr.events import MILLISECOND, SECOND, EventKind
from proxyconf.vocabulary.layout import Backend
from tests.cdr.correlation.telling import EVENING, POLICIES, after, bye, invite, told

A_TO_B, B_TO_C = ((("src", "a"), ("dst", "b")),), ((("src", "b"), ("dst", "c")),)
GW1, GW2 = (("gateway", "gw1"),), (("gateway", "gw2"), ("src_user", "alice"))
TAGS = st.sampled_from(["", "a", "b", "c"])
SHAPES = st.sampled_from(
    [
        (EventKind.ANSWERED, "INVITE", 200),
        (EventKind.ANSWERED, "MESSAGE", 202),
        (EventKind.ANSWERED, "UPDATE", 200),
        (EventKind.FAILED, "INVITE", 486),
        (EventKind.FAILED, "INVITE", 407),
        (EventKind.FAILED, "INVITE", 481),
        (EventKind.MISSED, "INVITE", 408),
        (EventKind.MISSED, "INVITE", 486),
        (EventKind.EARLY, "INVITE", 183),
        (EventKind.ACK, "ACK", 200),
        (EventKind.ACK, "ACK", 486),
        (EventKind.CANCEL, "CANCEL", 200),
        (EventKind.BYE, "BYE", 200),
        (EventKind.BYE, "BYE", 481),
        (EventKind.MANUAL, "INVITE", 0),
        (EventKind.MANUAL, "INVITE", 404),
        (EventKind.MANUAL, "BYE", 200),
        (EventKind.MANUAL, "BYE", 0),
        (EventKind.CDR, "INVITE", 0),
        (EventKind.CDR, "INVITE", 200),
        (EventKind.INTERIM, "INVITE", 200),
        (EventKind.INTERIM, "INVITE", 481),
        (EventKind.ON, "", 0),
    ]
)


@st.composite
def observed(draw: st.DrawFn) -> Observed:
    kind, method, code = draw(SHAPES)
    at = draw(st.integers(0, 12)) + draw(st.sampled_from([0, 0.25]))
    more = {}
    if kind is EventKind.CDR:
        length = draw(st.sampled_from([0, 2.5, 5, 10_800]))
        more = {"ended_at": after(at + length), "duration_us": round(length * 1_000_000)}
    return told(
        kind,
        method,
        draw(TAGS),
        draw(TAGS),
        at,
        code,
        call_id="" if kind is EventKind.ON else draw(st.sampled_from(["one", "two", "one"])),
        backend=draw(st.sampled_from([Backend.SYSLOG, Backend.SQL, Backend.EVENTS])),
        proxy=draw(st.sampled_from(list(POLICIES))),
        precision=draw(st.sampled_from([SECOND, MILLISECOND])),
        position=draw(st.integers(0, 1)),
        flags=draw(st.sampled_from([(), (), ("ambiguous_time",)])),
        extra=draw(st.sampled_from([(), (("src_user", "alice"),), (("src_user", ""),), GW1, GW2])),
        legs=draw(st.sampled_from([(), A_TO_B, B_TO_C, A_TO_B + B_TO_C, ((("src", "a"), ("dst", "")),)])),
        **more,
    )


EVENTS = st.lists(observed(), max_size=9)


def run(events: list[Observed]) -> Folded:
    return fold(events, POLICIES, EVENING)


@given(EVENTS, st.randoms(use_true_random=False))
def test_order_does_not_matter(events, random) -> None:
    shuffled = random.sample(events, len(events))
    assert run(shuffled).calls == run(events).calls


@given(EVENTS, st.data())
def test_repetition_does_not_matter(events, data) -> None:
    again = data.draw(st.lists(st.sampled_from(events), max_size=5)) if events else []
    result, once = run(events + again), run(events)
    assert result.calls == once.calls
    assert result.uses[: len(events)] == once.uses


@given(st.lists(observed(), max_size=9))
def test_calls_of_other_call_ids_do_not_matter(events) -> None:
    """Folding batch by batch gives what folding at once gives, as long as a Call-ID is folded as a whole."""
    by_call_id: dict[str, list[Observed]] = {}
    for one in events:
        by_call_id.setdefault(one.event.call_id, []).append(one)
    apart = [call for call_id in sorted(by_call_id) for call in run(by_call_id[call_id]).calls]
    together = run(events).calls
    assert sorted(map(repr, apart)) == sorted(map(repr, together))


@given(EVENTS)
def test_every_event_is_accounted_for_by_one_call_or_a_stated_reason(events) -> None:
    result = run(events)
    assert len(result.uses) == len(events)
    counted = [0] * len(result.calls)
    for use in set(zip(map(repr, events), result.uses, strict=True)):
        if use[1].call is not None:
            counted[use[1].call] += 1
    assert counted == [call.events for call in result.calls]


@given(EVENTS)
def test_no_duration_is_invented(events) -> None:
    for call in run(events).calls:
        if call.duration is not None:
            assert call.duration >= timedelta(0)
        if call.state in (CallState.ONGOING, CallState.STOP_MISSING):
            assert call.ended_at is None
        assert call.started_at <= (call.answered_at or call.started_at)


@given(EVENTS)
def test_a_call_has_one_name_among_the_calls_of_its_call_id(events) -> None:
    names = [(call.cluster, call.call_id, call.anchor) for call in run(events).calls if call.call_id]
    assert len(names) == len(set(names))


EXTRAS = st.lists(
    st.tuples(st.sampled_from(["src_user", "dst_user", "src_ip", "ua", "other"]), st.sampled_from(["", "1", "2"])),
    max_size=4,
).map(tuple)


@given(
    st.integers(-5, 5 * 3600),
    st.booleans(),
    st.sampled_from(list(POLICIES)),
    st.sampled_from([Backend.SYSLOG, Backend.RADIUS]),
    st.sampled_from(["OK", ""]),
    EXTRAS,
    EXTRAS,
)
def test_the_short_way_of_clean_calls_gives_what_the_general_way_gives(
    seconds, swapped, proxy, backend, reason, extra, extra_of_stop
) -> None:
    about = {"proxy": proxy, "backend": backend, "reason": reason}
    start = invite("b", "a", 0, extra=extra, **about)
    stop = bye(*(("a", "b") if swapped else ("b", "a")), seconds, extra=extra_of_stop, **about)
    short = clean_call(stop, start, POLICIES)
    (general,) = fold_module._scope(POLICIES[proxy].cluster, in_order([start, stop]), POLICIES, EVENING).calls
    assert short in (None, general.call)
    assert (short is None) == bool(general.call.flags)
    rules = {one.event.kind: Use(0, rule) for one, rule in uses_of(general)}
    for events in ([start, stop], [stop, start]):
        assert fold(events, POLICIES, EVENING).uses == [rules[one.event.kind] for one in events]


@given(EVENTS, st.booleans())
def test_the_calls_alone_are_those_of_the_fold(events, at_once) -> None:
    """``calls_of`` is what correlation asks; with events of one time there are many that differ in little."""
    if at_once:
        events = [one._replace(event=one.event._replace(time=EVENING, position=0)) for one in events]
    assert calls_of(events, POLICIES, EVENING) == run(events).calls


@given(EVENTS)
def test_an_attempt_has_the_gateway_of_one_of_its_own_events(events) -> None:
    for call in run(events).calls:
        for attempt in call.attempts:
            own = [
                one.event
                for one in events
                if (one.event.code, one.event.to_tag) == (attempt.code, attempt.to_tag) and one.event.code >= 300
            ]
            gateways = {text for event in own for label, text in event.extra if label == "gateway"}
            assert attempt.gateway is None or attempt.gateway in gateways
