"""The recorded calls as flows: what the phones did, with the tags and ids they had."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from proxyconf.parse import parse_config
from proxyconf.profile import AccountingProfile, MessageFlag
from proxyconf.simulate.flow import CALLEE, CALLER, Branch, Flow, FlowLeg, FlowParty, FlowReply, Forwarding, SipRequest
from proxyconf.simulate.script import Marks, Script
from proxyconf.vocabulary.products import Product
from tests.recorded_scenarios import Scenario

_FLAGS = re.compile(r"on the INVITE: ([\d, ]+); on the BYE: ([\d, ]+)")
_FLAGGED_ACK, _FLAGGED_CANCEL = ("07b-report-ack-flag-on-ack",), ("08-report-cancels", "19s-small-soak")


@dataclass(frozen=True)
class RecordedFlows:
    """The profile of a scenario's proxy, the script's part, and one flow per call."""

    scenario: Scenario

    @cached_property
    def profile(self) -> AccountingProfile:
        reading = self.scenario.reading
        text = (self.scenario.folder / "acc.cfg").read_text()
        return parse_config(text, product=reading.product, version=reading.version).profile

    def script(self, call: dict[str, Any]) -> Script:
        if self.profile.product is Product.OPENSIPS:
            return self._opensips_script()
        match = _FLAGS.search((self.scenario.folder / "scenario.md").read_text())
        assert match is not None
        invite, bye = (self._marks(text) for text in match.groups())
        accounted = Marks(account=invite.account)
        name = self.scenario.name
        return Script(
            invite=Marks() if call.get("start_not_accounted") else invite,
            bye=bye,
            ack=accounted if name in _FLAGGED_ACK else Marks(),
            cancel=accounted if name in _FLAGGED_CANCEL else Marks(),
            next_attempt=Marks(missed=invite.missed),
        )

    def _opensips_script(self) -> Script:
        text = (self.scenario.folder / "acc.cfg").read_text()
        by_route = {
            route: set(words.split("|"))
            for route, words in re.findall(r'route\[ACC_(\w+)\] \{\s*do_accounting\("[^"]+"(?:, "([^"]*)")?', text)
        }
        every = frozenset(self.profile.backends)

        def marks(route: str) -> Marks:
            words = by_route.get(route)
            if words is None:
                return Marks()
            return Marks(every, every if "missed" in words else frozenset(), "failed" in words, "cdr" in words)

        return Script(invite=marks("INVITE"), bye=marks("BYE"), next_attempt=marks("FAILURE"))

    def _marks(self, numbers: str) -> Marks:
        flags = [MessageFlag(int(number)) for number in numbers.replace(" ", "").split(",")]
        own = self.profile.flags
        return Marks(
            frozenset(backend for backend, flag in own.account.items() if flag in flags),
            frozenset(backend for backend, flag in own.missed.items() if flag in flags),
            own.failed in flags,
        )

    def flows(self) -> Iterator[tuple[dict[str, Any], Flow, datetime]]:
        """Yield each call of the scenario as it was seen on the wire, its flow, and when it began."""
        for call in self.scenario.expected:
            start = datetime.fromisoformat(call["setup_time"])
            yield call, replace(self._flow(call), requests=tuple(self._requests(call, start))), start

    def _flow(self, call: dict[str, Any]) -> Flow:
        return Flow(
            self.scenario.name,
            "",
            (),
            caller=FlowParty(call["caller"], call["from_tag"], "127.0.0.1", 5060, call["user_agent"] or ""),
            callee=FlowParty(call["callee"], _callee_tag(call), "127.0.0.1", 5060, ""),
            domain="lab.example",
            call_id=call["call_id"],
            proxy_tag=call["to_tag"] or "",
            proxy_address="127.0.0.1",
        )

    def _requests(self, call: dict[str, Any], start: datetime) -> Iterator[SipRequest]:
        ended = _seconds(call["answer_time"] or call["end_time"], start)
        last = ended or 0.0
        if call.get("challenged"):
            yield SipRequest("INVITE", 0.0, reply_by_proxy=FlowReply(0.01, call["challenged"]))
        yield SipRequest(
            "INVITE",
            0.0,
            forwardings=tuple(self._forwardings(call, last)),
            headers=self._headers(call),
            variables=self._variables(call),
            legs=tuple(FlowLeg(one["source"], one["destination"], one["type"]) for one in call.get("legs", ())),
        )
        if call["outcome"] == "cancelled":
            yield SipRequest("CANCEL", last - 0.002)
        if call["answer_time"]:
            yield SipRequest("ACK", last + 0.001, to_tag=call["to_tag"])
        if call["bye_code"]:
            yield self._bye(call, start)

    def _forwardings(self, call: dict[str, Any], last: float) -> Iterator[Forwarding]:
        count = len(call["branches"])
        for number, branch in enumerate(call["branches"]):
            is_last = number == count - 1
            at = last if is_last else 0.1 + number / 10
            replies = []
            if 183 in call["provisional"]:
                replies.append(FlowReply(0.1, 183, to_tag=branch["to_tag"], has_body=True))
            if not (is_last and call["outcome"] == "no-answer"):  # its 487 answers the proxy's own CANCEL
                reason = call["final_reason"] if is_last else ""
                replies.append(FlowReply(at, branch["code"], reason, branch["to_tag"]))
            uri = f"sip:{branch['request_user']}@127.0.0.1"
            yield Forwarding((Branch(tuple(replies), uri),), at)

    def _bye(self, call: dict[str, Any], start: datetime) -> SipRequest:
        at, replied = (_seconds(call[name], start) or 0.0 for name in ("bye_sent_time", "end_time"))
        is_callers = call["hung_up_by"] == "caller"
        return SipRequest(
            "BYE",
            at,
            CALLER if is_callers else CALLEE,
            (Forwarding((Branch((FlowReply(replied, call["bye_code"]),)),), replied),),
            to_tag=call["to_tag"] if is_callers else call["from_tag"],
            headers=self._agent(call),
        )

    def _agent(self, call: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        return {"User-Agent": () if call["user_agent"] is None else (call["user_agent"],)}

    def _headers(self, call: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        notes = self._row(call).get("notes", "")
        return {**self._agent(call), **({"X-Note": tuple(notes.split(",", 1))} if notes else {})}

    def _variables(self, call: dict[str, Any]) -> dict[str, str]:
        uuid = self._row(call).get("uuid")  # made by the script for each call
        return {"$avp(uuid)": uuid} if uuid else {}

    def _row(self, call: dict[str, Any]) -> dict[str, str]:
        content = self.scenario.bytes_of("acc.csv")
        rows = csv.DictReader(content.decode().splitlines()) if content else ()
        return next((row for row in rows if row["callid"] == call["call_id"] and row["method"] == "INVITE"), {})


def _callee_tag(call: dict[str, Any]) -> str:
    return str(call["branches"][-1]["to_tag"]) if call["branches"] else str(call["to_tag"])


def _seconds(text: str | None, start: datetime) -> float | None:
    return None if text is None else (datetime.fromisoformat(text) - start).total_seconds()
