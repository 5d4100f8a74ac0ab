"""Dialog CDRs: Kamailio's ``cdr_enable`` and OpenSIPS' ``cdr``.

Sources: ``acc/acc_cdr.c`` of Kamailio; ``acc/acc_logic.c`` of OpenSIPS. OpenSIPS writes a record for an expired dialog
only if the proxy ends it with a BYE, Kamailio only with ``cdr_expired_dlg_enable``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from proxyconf.profile import AccountingProfile
from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.flow import Flow, SipRequest
from proxyconf.simulate.forking import BranchReply, answers, picked_failure, provisional_replies
from proxyconf.simulate.script import Script
from proxyconf.simulate.transactions import passes_proxy
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

_TIME_OF_REQUEST = Version(3, 2)
_CDR_BACKENDS = (Backend.SYSLOG, Backend.SQL)


def dialog_events(profile: AccountingProfile, flow: Flow, script: Script) -> list[AccountedEvent]:
    """Return the dialog CDRs of a flow as events."""
    if profile.product is Product.OPENSIPS:
        return list(_opensips(profile, flow, script))
    if profile.product is Product.KAMAILIO and profile.uses_dialog:
        return list(_kamailio(profile, flow, script))
    return []


def with_dialog_times(
    profile: AccountingProfile, flow: Flow, script: Script, events: Iterable[AccountedEvent]
) -> Iterator[AccountedEvent]:
    """Yield the events, those of OpenSIPS with the times of their dialog and of the transaction's first event."""
    is_cdr = script.invite.cdr
    first_stamp: dict[int, float] = {}
    for event in events:
        if (
            profile.product is Product.OPENSIPS
            and profile.version >= _TIME_OF_REQUEST
            and event.kind is SimulatedKind.ANSWERED
        ):
            # only early media has this effect; an earlier missed event does not
            event = event.stamped(first_stamp.setdefault(id(event.request), event.stamp))
        initial = event.request.method == "INVITE" and not event.request.to_tag
        if profile.product is Product.OPENSIPS and is_cdr and initial:
            event = replace(event, created_at=event.request.at)
        yield event


# --- OpenSIPS


def _opensips(profile: AccountingProfile, flow: Flow, script: Script) -> Iterator[AccountedEvent]:
    backends = script.invite.account & frozenset(profile.backends)
    if not (script.invite.cdr and backends):
        return
    for invite, answer in _answered(flow):
        ending = _ending(flow, script, answer)
        if ending is None:
            continue
        ended_at, recorded_at = ending
        yield AccountedEvent(
            SimulatedKind.CALL_ENDED,
            invite,
            recorded_at,
            flow.caller.tag,
            answer.reply.to_tag,
            answer.reply.code,
            answer.reason,
            backends,
            answer.branch.uri,
            stamp=_opensips_start(profile, invite, answer),
            created_at=invite.at,
            started_at=_opensips_start(profile, invite, answer),
            ended_at=ended_at,
        )


def _opensips_start(profile: AccountingProfile, invite: SipRequest, answer: BranchReply) -> float:
    if not profile.is_on("early_media") or profile.version < _TIME_OF_REQUEST:
        return answer.reply.at
    early = [
        one.reply.at
        for forwarding in invite.forwardings
        for one in provisional_replies(forwarding)
        if one.reply.has_body
    ]
    return min([answer.reply.at, *early])


def _answered(flow: Flow) -> Iterator[tuple[SipRequest, BranchReply]]:
    for invite in flow.requests:
        if invite.method == "INVITE" and not invite.to_tag:
            for forwarding in invite.forwardings:
                yield from ((invite, one) for one in answers(forwarding)[:1])


def _ending(flow: Flow, script: Script, answer: BranchReply) -> tuple[float, float] | None:
    """Return when a dialog ends and when its record is written; None if no record is written."""
    bye = _bye(flow, script, answer.reply.to_tag)
    if bye is not None:
        return bye.at, _replied_at(bye)
    if flow.dialog_expires_at is not None and script.bye_on_timeout:
        return flow.dialog_expires_at, flow.dialog_expires_at
    return None


def _bye(flow: Flow, script: Script, callee_tag: str) -> SipRequest | None:
    return next(
        (
            one
            for one in flow.requests
            if one.method == "BYE" and passes_proxy(one, script) and one.to_tag in (callee_tag, flow.caller.tag)
        ),
        None,
    )


def _replied_at(request: SipRequest) -> float:
    ends = [(answers(one) or [picked_failure(one)])[0].reply.at for one in request.forwardings]
    return max(ends, default=request.at)


# --- Kamailio


def _kamailio(profile: AccountingProfile, flow: Flow, script: Script) -> Iterator[AccountedEvent]:
    backends = _kamailio_backends(profile)
    for invite in flow.requests:
        if invite.method != "INVITE" or invite.to_tag or invite.reply_by_proxy is not None:
            continue
        answered = [one for forwarding in invite.forwardings for one in answers(forwarding)]
        if answered:
            yield from _kamailio_answered(profile, flow, script, invite, answered[0], backends)
        elif profile.option("cdr_on_failed") not in (0, "0"):
            yield from _kamailio_failed(flow, invite, backends)


def _kamailio_backends(profile: AccountingProfile) -> frozenset[Backend]:
    """Return the backends of dialog CDRs: the log unless disabled, SQL with a table, JSON with its own switch."""
    backends = (
        {Backend.SYSLOG} if profile.is_on("cdr_enable") and profile.option("cdr_log_enable") not in (0, "0") else set()
    )
    if profile.is_on("cdr_enable") and profile.option("cdrs_table") and Backend.SQL in profile.backends:
        backends.add(Backend.SQL)
    if profile.is_on("cdr_enable") and profile.is_on("acc_json.cdr_enable") and Backend.JSON in profile.backends:
        backends.add(Backend.JSON)
    return frozenset(backends)


def _kamailio_answered(
    profile: AccountingProfile,
    flow: Flow,
    script: Script,
    invite: SipRequest,
    answer: BranchReply,
    backends: frozenset[Backend],
) -> Iterator[AccountedEvent]:
    started_at = answer.reply.at if profile.is_on("cdr_start_on_confirmed") else invite.at
    bye = _bye(flow, script, answer.reply.to_tag)
    record = AccountedEvent(
        SimulatedKind.DIALOG,
        bye or invite,
        0,
        flow.caller.tag,
        answer.reply.to_tag,
        answer.reply.code,
        answer.reason,
        backends,
        started_at=started_at,
    )
    if bye is not None:
        yield replace(record, at=_replied_at(bye), ended_at=bye.at)
    elif flow.dialog_expires_at is not None and (profile.is_on("cdr_expired_dlg_enable") or script.bye_on_timeout):
        yield replace(record, at=flow.dialog_expires_at, ended_at=flow.dialog_expires_at, is_of_timer=True)


def _kamailio_failed(flow: Flow, invite: SipRequest, backends: frozenset[Backend]) -> Iterator[AccountedEvent]:
    if not invite.forwardings:
        return
    failure = picked_failure(invite.forwardings[-1])
    yield AccountedEvent(
        SimulatedKind.DIALOG,
        invite,
        failure.reply.at,
        flow.caller.tag,
        failure.reply.to_tag,
        failure.reply.code,
        failure.reason,
        backends,
        started_at=invite.at,
        ended_at=invite.at,
    )
