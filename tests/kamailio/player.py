"""Call flows played on the wire: both phones, message by message in the order of the flow, through a real proxy."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass, field, replace

from proxyconf.simulate.flow import CALLER, Flow, FlowReply, Forwarding, SipRequest
from proxyconf.simulate.phrases import standard_phrase
from tests.kamailio.proxy import PATIENCE


@dataclass(frozen=True)
class SipMessage:
    """A message as it came."""

    start: str
    lines: tuple[str, ...]

    @classmethod
    def parse(cls, raw: bytes) -> SipMessage:
        head = raw.decode().partition("\r\n\r\n")[0].split("\r\n")
        return cls(head[0], tuple(head[1:]))

    def all(self, name: str) -> list[str]:
        return [line.partition(":")[2].strip() for line in self.lines if line.partition(":")[0].lower() == name.lower()]

    def header(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def method(self) -> str:
        return self.header("CSeq").split()[-1]

    @property
    def code(self) -> int:
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def to_tag(self) -> str:
        found = re.search(r";tag=([^;>\s]+)", self.header("To"))
        return found[1] if found else ""

    @property
    def branch(self) -> str:
        """The user part of the request URI, which names the branch in what the proxy forwards."""
        found = re.match(r"\w+ sip:([^@]+)@", self.start)
        return found[1] if found else ""


class Phone:
    """One side of the call."""

    def __init__(self, proxy: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", proxy))
        self.socket.settimeout(0.01)
        self.port = int(self.socket.getsockname()[1])
        self.received: list[SipMessage] = []

    def send(self, *lines: str) -> None:
        self.socket.send("\r\n".join([*lines, "", ""]).encode())

    def listen(self) -> list[SipMessage]:
        """Return what came since the last time."""
        came = []
        try:
            while True:
                came.append(SipMessage.parse(self.socket.recv(65_536)))
        except (TimeoutError, ConnectionRefusedError):
            self.received += came
            return came


@dataclass
class Player:
    """Plays one flow through the proxy at a port."""

    flow: Flow
    proxy: int
    cseq: int = 0
    caller: Phone = field(init=False)
    callee: Phone = field(init=False)
    sent: dict[int, tuple[str, int]] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.caller, self.callee = Phone(self.proxy), Phone(self.proxy)
        self.flow = on_wire(self.flow, self.caller.port, self.callee.port)

    def play(self) -> Flow:
        """Play it, and return it with the addresses it had."""
        for _at, action, arguments in self._actions():
            action(*arguments)
        for index, request in enumerate(self.flow.requests):
            if request.method != "ACK" and request.reaches_proxy:
                self._wait(lambda i=index, r=request: self._is_finished(i, r), f"the end of {request.method}")
        self.caller.socket.close()
        self.callee.socket.close()
        return self.flow

    def _actions(self):  # type: ignore[no-untyped-def]  # of three kinds of arguments
        actions = []
        for index, request in enumerate(self.flow.requests):
            if not request.reaches_proxy:
                continue
            actions.append((request.at, self._send, (index, request)))
            for attempt, forwarding in enumerate(request.forwardings):
                for number, branch in enumerate(forwarding.branches):
                    actions += [(r.at, self._reply, (index, request, attempt, number, r)) for r in branch.replies]
        return sorted(actions, key=lambda one: one[0])

    # --- the phone that asks

    def _send(self, index: int, request: SipRequest) -> None:
        if request.method == "ACK" or request.to_tag:
            self._wait(lambda: self._answer_to(request) is not None, f"the answer before {request.method}")
        phone = self.caller if request.sender == CALLER else self.callee
        if request.method not in ("ACK", "CANCEL"):
            self.cseq += 1
        branch = f"z9hG4bK-{self.flow.call_id}-{self.cseq}" + (
            f"-ack-{request.to_tag}" if request.method == "ACK" else ""
        )
        self.sent[index] = (request.method, self.cseq)
        cseq = self._cseq_of_invite() if request.method in ("ACK", "CANCEL") else self.cseq
        phone.send(*self._lines(request, phone, branch, cseq))

    def _cseq_of_invite(self) -> int:
        return max(number for method, number in self.sent.values() if method == "INVITE")

    def _lines(self, request: SipRequest, phone: Phone, branch: str, cseq: int) -> list[str]:
        caller, callee = self.flow.caller, self.flow.callee
        sender, receiver = (caller, callee) if request.sender == CALLER else (callee, caller)
        target = f"sip:{receiver.user}@{self.flow.domain}"
        routes: list[str] = []
        if request.to_tag:
            target = f"sip:127.0.0.1:{receiver.port}"
            routes = [f"Route: {one}" for one in self._record_route(request)]
        headers = [f"{name}: {value}" for name, values in request.headers.items() for value in values]
        if not any(name.lower() == "user-agent" for name in request.headers) and sender.user_agent:
            headers.append(f"User-Agent: {sender.user_agent}")
        return [
            f"{request.method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{phone.port};branch={branch}",
            "Max-Forwards: 70",
            *routes,
            f"From: <sip:{sender.user}@{self.flow.domain}>;tag={sender.tag}",
            f"To: <sip:{receiver.user}@{self.flow.domain}>" + (f";tag={request.to_tag}" if request.to_tag else ""),
            f"Call-ID: {self.flow.call_id}",
            f"CSeq: {cseq} {request.method}",
            f"Contact: <sip:127.0.0.1:{phone.port}>",
            *headers,
            *self._plan(request),
            "Content-Length: 0",
        ]

    def _plan(self, request: SipRequest) -> list[str]:
        """Return the headers by which the proxy's script learns what the flow wants of it."""
        lines = [f"X-Attempts: {len(request.forwardings)}"]
        if request.forwardings:
            lines.append(f"X-Parallel: {len(request.forwardings[0].branches)}")
        if request.reply_by_proxy is not None:
            lines.append(f"X-Challenge: {request.reply_by_proxy.code}")
        for number, leg in enumerate(request.legs):
            lines += [
                f"X-Src{number}: {leg.source}",
                f"X-Dst{number}: {leg.destination}",
                f"X-Type{number}: {leg.type}",
            ]
        return lines

    def _answer_to(self, request: SipRequest) -> SipMessage | None:
        tags = {request.to_tag, self.flow.callee.tag}
        return next(
            (m for m in self.caller.received if 200 <= m.code < 300 and m.method == "INVITE" and m.to_tag in tags), None
        )

    def _record_route(self, request: SipRequest) -> list[str]:
        if request.sender == CALLER:
            answer = self._answer_to(request)
            return answer.all("Record-Route")[::-1] if answer else []
        invite = next(m for m in self.callee.received if m.start.startswith("INVITE"))
        return invite.all("Record-Route")

    # --- the phone that is asked

    def _reply(self, index: int, request: SipRequest, attempt: int, number: int, reply: FlowReply) -> None:
        phone = self.callee if request.sender == CALLER else self.caller
        name = "" if request.to_tag else f"b{attempt}-{number}"

        def found() -> SipMessage | None:
            _method, cseq = self.sent[index]
            wanted = f"{cseq} {request.method}"
            return next(
                (
                    m
                    for m in phone.received
                    if m.start.startswith(request.method) and m.header("CSeq") == wanted and name in ("", m.branch)
                ),
                None,
            )

        self._wait(lambda: found() is not None, f"{request.method} to {name or 'the other side'}")
        asked = found()
        assert asked is not None
        self._send_reply(phone, asked, reply)

    def _send_reply(self, phone: Phone, asked: SipMessage, reply: FlowReply) -> None:
        kept = []
        for line in asked.lines:
            name = line.partition(":")[0]
            if name == "To" and ";tag=" not in line and reply.to_tag:
                line += f";tag={reply.to_tag}"
            if name in ("Via", "From", "To", "Call-ID", "CSeq", "Record-Route"):
                kept.append(line)
        body = "v=0\r\n" if reply.has_body else ""
        phone.send(
            f"SIP/2.0 {reply.code} {reply.reason or standard_phrase(reply.code)}",
            *kept,
            f"Contact: <sip:127.0.0.1:{phone.port}>",
            *(f"{name}: {value}" for name, value in reply.headers.items()),
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
            *(["", "v=0"] if body else []),
        )

    # --- what phones do by themselves

    def _wait(self, is_there, what: str) -> None:  # type: ignore[no-untyped-def]
        end = time.monotonic() + PATIENCE
        while not is_there():
            for message in self.callee.listen():
                if message.start.startswith("CANCEL"):
                    self._send_reply(self.callee, message, FlowReply(0, 200))
            for message in self.caller.listen():
                if message.code >= 300 and message.method == "INVITE":
                    self._acknowledge(message)
            assert time.monotonic() < end, f"{self.flow.name}: {what} did not come"

    def _acknowledge(self, failure: SipMessage) -> None:
        cseq = failure.header("CSeq").split()[0]
        self.caller.send(
            f"ACK sip:{self.flow.callee.user}@{self.flow.domain} SIP/2.0",
            f"Via: {failure.header('Via')}",
            "Max-Forwards: 70",
            *(f"{name}: {failure.header(name)}" for name in ("From", "To", "Call-ID")),
            f"CSeq: {cseq} ACK",
            "Content-Length: 0",
        )

    def _is_finished(self, index: int, request: SipRequest) -> bool:
        if index not in self.sent:
            return True
        phone = self.caller if request.sender == CALLER else self.callee
        wanted = f"{self._cseq_of(index, request)} {request.method}"
        finals = [m for m in phone.received if m.code >= 200 and m.header("CSeq") == wanted]
        expected = max(1, sum(200 <= r.code < 300 for f in request.forwardings for b in f.branches for r in b.replies))
        return len({m.to_tag for m in finals}) >= expected

    def _cseq_of(self, index: int, request: SipRequest) -> int:
        return self._cseq_of_invite() if request.method == "CANCEL" else self.sent[index][1]


def on_wire(flow: Flow, caller_port: int, callee_port: int) -> Flow:
    """Return a flow with the addresses of the loopback, and destinations whose user names the branch."""
    return replace(
        flow,
        caller=replace(flow.caller, address="127.0.0.1", port=caller_port),
        callee=replace(flow.callee, address="127.0.0.1", port=callee_port),
        proxy_address="127.0.0.1",
        requests=tuple(_with_branches(request, callee_port) for request in flow.requests),
    )


def _with_branches(request: SipRequest, port: int) -> SipRequest:
    if request.to_tag:
        return request
    forwardings = tuple(
        Forwarding(
            tuple(replace(b, uri=f"sip:b{a}-{n}@127.0.0.1:{port}") for n, b in enumerate(one.branches)), one.timeout_at
        )
        for a, one in enumerate(request.forwardings)
    )
    headers = {**request.headers, "X-Port": (str(port),)}
    return replace(request, forwardings=forwardings, headers=headers)
