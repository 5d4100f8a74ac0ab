"""How tm treats the replies of the branches of one forwarding: which it relays, and which failure it picks.

Source: Kamailio ``tm/t_reply.c`` (``get_prio``, with ``faked_reply_prio`` 0, the default: a branch that timed out
counts as 408).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from proxyconf.simulate.flow import Branch, FlowReply, Forwarding
from proxyconf.simulate.phrases import standard_phrase

TIMEOUT = 408
_CLASS_PRIORITY = {3: 3000, 4: 4000, 5: 5000, 6: 1000}
_PREFERRED_4XX = frozenset({401, 407, 415, 420, 484})


class BranchReply(NamedTuple):
    """A reply with the branch it came from; ``is_local``: the proxy made it, for no other came."""

    reply: FlowReply
    branch: Branch
    is_local: bool = False

    @property
    def reason(self) -> str:
        return (
            standard_phrase(self.reply.code) if self.is_local else self.reply.reason or standard_phrase(self.reply.code)
        )


def provisional_replies(forwarding: Forwarding) -> Iterator[BranchReply]:
    """Yield the provisional replies that are relayed: 100 is not."""
    for branch in forwarding.branches:
        for reply in branch.replies:
            if 100 < reply.code < 200:
                yield BranchReply(reply, branch)


def answers(forwarding: Forwarding) -> list[BranchReply]:
    """Return the 2xx replies, the first first."""
    found = [
        BranchReply(reply, branch)
        for branch in forwarding.branches
        for reply in branch.replies
        if 200 <= reply.code < 300
    ]
    return sorted(found, key=lambda one: one.reply.at)


def picked_failure(forwarding: Forwarding) -> BranchReply:
    """Return the failure that stands for all branches; its time is when the last of them ends."""
    failures = [_failure(branch, forwarding) for branch in forwarding.branches]
    if not failures:
        failures = [BranchReply(FlowReply(forwarding.timeout_at, TIMEOUT), Branch(), is_local=True)]
    best = min(failures, key=_priority)
    end = max(one.reply.at for one in failures)
    return best._replace(
        reply=FlowReply(end, best.reply.code, best.reply.reason, best.reply.to_tag, headers=best.reply.headers)
    )


def _failure(branch: Branch, forwarding: Forwarding) -> BranchReply:
    final = next((one for one in branch.replies if one.code >= 300), None)
    if final is not None and final.at <= forwarding.timeout_at:
        return BranchReply(final, branch)
    return BranchReply(FlowReply(forwarding.timeout_at, TIMEOUT), branch, is_local=True)


def _priority(failure: BranchReply) -> int:
    code = failure.reply.code
    base = _CLASS_PRIORITY[code // 100] + code % 100
    if code // 100 == 4 and code not in _PREFERRED_4XX:
        base += 100
    return base
