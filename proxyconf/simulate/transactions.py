"""The events of a flow, by the rules of the acc modules for transactions.

Sources: ``acc/acc_logic.c`` of Kamailio (3.0 to 6.1), OpenSER and OpenSIPS; the tests contain recorded records.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from proxyconf.profile import AccountingProfile
from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.flow import CALLER, Flow, SipRequest
from proxyconf.simulate.forking import BranchReply, answers, picked_failure, provisional_replies
from proxyconf.simulate.phrases import standard_phrase
from proxyconf.simulate.script import ENGINES, Marks, Script
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

_TAG_OF_LOCAL_FAILURE = Version(5, 5)
_FIRST_ANSWER_ONLY = Version(5, 4)


def accounted_events(profile: AccountingProfile, flow: Flow, script: Script) -> list[AccountedEvent]:
    """Return the events of a flow in the order of time, without dialog CDRs."""
    events: list[AccountedEvent] = []
    for request in flow.requests:
        if passes_proxy(request, script):
            events += _Transaction(profile, flow, script, request).events()
    return sorted(events, key=lambda event: event.at)


def passes_proxy(request: SipRequest, script: Script) -> bool:
    """Return whether a request passes the proxy; requests within a dialog do so only with Record-Route."""
    return request.reaches_proxy and (script.record_route or not request.to_tag)


def marks_of(script: Script, request: SipRequest) -> Marks:
    """Return the accounting that the script requests for a SIP request."""
    if request.method == "INVITE":
        return script.reinvite if request.to_tag else script.invite
    return {"BYE": script.bye, "ACK": script.ack, "CANCEL": script.cancel}.get(request.method, Marks())


@dataclass
class _Armed:
    """The flags of a transaction's request; a missed event clears its flags."""

    account: frozenset[Backend]
    missed: frozenset[Backend]
    failed: bool
    cdr: bool


class _Transaction:
    """A request and its accounting."""

    def __init__(self, profile: AccountingProfile, flow: Flow, script: Script, request: SipRequest) -> None:
        self._profile, self._flow, self._script, self._request = profile, flow, script, request
        marks = marks_of(script, request)
        use = frozenset(profile.backends)
        self._armed = _Armed(marks.account & use, marks.missed & use, marks.failed, marks.cdr)
        self._is_invite = request.method == "INVITE"
        self._local_tag = ""

    @property
    def _is_kamailio(self) -> bool:
        return self._profile.product is Product.KAMAILIO

    def events(self) -> Iterator[AccountedEvent]:
        if self._request.reply_by_proxy is not None:
            return  # sent without a transaction
        if self._request.to_tag and self._script.invite.cdr and self._profile.product is Product.OPENSIPS:
            return  # do_accounting() adds no event within a dialog that has a dialog CDR
        if self._request.method == "ACK":
            yield from self._acknowledged()
        elif self._request.method == "CANCEL":
            yield from self._cancelled()
        elif self._is_watched():
            yield from self._forwarded()

    def _is_watched(self) -> bool:
        """Whether the module registers for this transaction when it is created; flags set later have no effect."""
        return bool(self._armed.account or self._armed.missed) or self._is_prepared

    @property
    def _is_prepared(self) -> bool:
        always = self._profile.is_on("acc_prepare_always")
        return self._is_kamailio and (self._profile.flags.prepare is not None or always)

    # --- forwarded requests

    def _forwarded(self) -> Iterator[AccountedEvent]:
        # registered when the transaction is created; do_accounting() registers whenever it is called
        watches_failures = self._is_invite and (
            bool(self._armed.missed) or self._profile.uses_do_accounting or self._is_prepared
        )
        for number, forwarding in enumerate(self._request.forwardings):
            is_last = number == len(self._request.forwardings) - 1
            yield from self._early_media(provisional_replies(forwarding))
            answered = answers(forwarding)
            if answered:
                yield from self._answers(answered)
                return
            failure = picked_failure(forwarding)
            if watches_failures and self._armed.missed:
                yield self._missed(failure)
            self._rearm(is_last=is_last)
            if is_last:
                yield from self._final_failure(failure)

    def _early_media(self, replies: Iterator[BranchReply]) -> Iterator[AccountedEvent]:
        for early in replies:
            has_body = early.reply.has_body or (early.reply.code == 183 and self._profile.product is Product.OPENSER)
            if self._is_invite and has_body and self._profile.is_on("early_media") and self._armed.account:
                yield self._event(SimulatedKind.ANSWERED, early, early.reply.to_tag, self._armed.account)

    def _answers(self, answered: list[BranchReply]) -> Iterator[AccountedEvent]:
        is_initial = self._is_invite and not self._request.to_tag
        if not self._armed.account or (is_initial and self._armed.cdr and self._profile.product is Product.OPENSIPS):
            return  # with cdr the only record is written when the dialog ends
        tags: set[str] = set()
        for answer in answered:
            if answer.reply.to_tag in tags:
                continue
            if tags and self._is_kamailio and self._profile.version >= _FIRST_ANSWER_ONLY:
                continue  # tm's reply_relay_mode 1 relays it without calling the acc module
            tags.add(answer.reply.to_tag)
            yield self._event(
                SimulatedKind.ANSWERED, answer, answer.reply.to_tag or self._request.to_tag, self._armed.account
            )

    def _missed(self, failure: BranchReply) -> AccountedEvent:
        backends = self._armed.missed
        self._clear_missed()
        return self._event(SimulatedKind.MISSED, failure, self._tag_of_missed(failure), backends)

    def _tag_of_missed(self, failure: BranchReply) -> str:
        if not failure.is_local:
            return failure.reply.to_tag
        if self._is_kamailio and self._profile.version >= _TAG_OF_LOCAL_FAILURE:
            self._local_tag = self._flow.proxy_tag
        return self._local_tag

    def _clear_missed(self) -> None:
        """Clear the missed flags, and with them other flags that have the same number."""
        flags = self._profile.flags
        cleared = {flags.missed[one] for one in self._armed.missed if one in flags.missed}
        self._armed.missed = frozenset()
        if not self._profile.uses_do_accounting:
            self._armed.account = frozenset(one for one in self._armed.account if flags.account.get(one) not in cleared)
            self._armed.failed = self._armed.failed and flags.failed not in cleared

    def _rearm(self, *, is_last: bool) -> None:
        if is_last and not self._script.missed_again_without_attempt:
            return
        use = frozenset(self._profile.backends)
        self._armed.missed |= self._script.next_attempt.missed & use

    def _final_failure(self, failure: BranchReply) -> Iterator[AccountedEvent]:
        final = self._upstream(failure)
        if self._is_invite and self._armed.missed:
            yield self._missed(final)
        tag = self._local_tag if final.is_local else final.reply.to_tag  # the missed event may have generated one
        is_filtered = str(final.reply.code) in str(self._profile.option("failed_filter") or "").split(",")
        if self._armed.failed and self._armed.account and not is_filtered:
            yield self._event(SimulatedKind.ANSWERED, final, tag or self._request.to_tag, self._armed.account)

    def _upstream(self, failure: BranchReply) -> BranchReply:
        """Return the reply that the caller gets: Kamailio's tm sends 500 instead of a 503."""
        if failure.reply.code != 503 or failure.is_local or not (self._is_kamailio and self._is_invite):
            return failure
        return BranchReply(replace(failure.reply, code=500, reason="", to_tag=""), failure.branch, is_local=True)

    # --- ACK and CANCEL

    def _acknowledged(self) -> Iterator[AccountedEvent]:
        invite = self._invite_of_ack()
        if invite is None or not self._profile.is_on("report_ack") or not self._matches_answer(invite):
            return
        use = frozenset(self._profile.backends)
        flagged = marks_of(self._script, invite).account & use
        own = self._armed.account
        backends = (flagged - ENGINES) | (own & ENGINES) if self._is_kamailio else flagged
        if flagged and backends:
            code = self._code_of(invite)
            yield self._plain(SimulatedKind.ACKNOWLEDGED, self._request.to_tag, code, backends)

    def _invite_of_ack(self) -> SipRequest | None:
        """Return the INVITE of this ACK: the last answered one before it from the same side."""
        return next(
            (
                one
                for one in reversed(self._flow.requests)
                if one.method == "INVITE" and one.at <= self._request.at and one.sender == self._request.sender
                if any(answers(forwarding) for forwarding in one.forwardings)
            ),
            None,
        )

    def _matches_answer(self, invite: SipRequest) -> bool:
        """Return whether tm knows the dialog of the ACK; it does not for a later 2xx that acc is not called for."""
        tags = [answer.reply.to_tag for forwarding in invite.forwardings for answer in answers(forwarding)]
        known = tags[:1] if self._is_kamailio and self._profile.version >= _FIRST_ANSWER_ONLY else tags
        return self._request.to_tag in known

    def _code_of(self, invite: SipRequest) -> int:
        return next(answers(one)[0].reply.code for one in invite.forwardings if answers(one))

    def _cancelled(self) -> Iterator[AccountedEvent]:
        if self._armed.account and self._profile.is_on("report_cancels"):
            yield self._plain(SimulatedKind.ANSWERED, "", 200, self._armed.account)

    # --- events

    def _plain(self, kind: SimulatedKind, to_tag: str, code: int, backends: frozenset[Backend]) -> AccountedEvent:
        from_tag, to_tag = self._directed(to_tag)
        at = self._request.at
        return AccountedEvent(
            kind, self._request, at, from_tag, to_tag, code, standard_phrase(code), backends, stamp=at
        )

    def _event(
        self, kind: SimulatedKind, answer: BranchReply, to_tag: str, backends: frozenset[Backend]
    ) -> AccountedEvent:
        from_tag, to_tag = self._directed(to_tag)
        at = answer.reply.at
        reason = answer.reason
        if self._profile.is_on("reason_from_hf") and not answer.is_local:
            reason = next((v for k, v in answer.reply.headers.items() if k.lower() == "reason"), reason)
        return AccountedEvent(
            kind,
            self._request,
            at,
            from_tag,
            to_tag,
            answer.reply.code,
            reason,
            backends,
            answer.branch.uri,
            stamp=at,
            is_tag_made=bool(to_tag) and to_tag == self._local_tag,
        )

    def _directed(self, to_tag: str) -> tuple[str, str]:
        """Return From and To tag as written: ``detect_direction`` swaps those of the callee's requests."""
        is_callers = self._request.sender == CALLER
        own = self._flow.caller.tag if is_callers else self._flow.callee.tag
        if not is_callers and self._request.to_tag and self._profile.is_on("detect_direction"):
            return to_tag, own
        return own, to_tag
