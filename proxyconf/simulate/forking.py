"""The reply handling of the module tm: which replies of parallel branches it relays, and which failure it picks.

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
    """A reply and its branch; ``is_local``: the proxy generated it after a timeout."""

    reply: FlowReply
    branch: Branch
    is_local: bool = False

    @property
    def reason(self) -> str:
        return (
            standard_phrase(self.reply.code) if self.is_local else self.reply.reason or standard_phrase(self.reply.code)
        )


def provisional_replies(forwarding: Forwarding) -> Iterator[BranchReply]:
    """Yield the provisional replies that are relayed, which 100 is not."""
    for branch in forwarding.branches:
        for reply in branch.replies:
            if 100 < reply.code < 200:
                yield BranchReply(reply, branch)


def answers(forwarding: Forwarding) -> list[BranchReply]:
    """Return the 2xx replies in the order of time."""
    replies = [
        BranchReply(reply, branch)
        for branch in forwarding.branches
        for reply in branch.replies
        if 200 <= reply.code < 300
    ]
    return sorted(replies, key=lambda answer: answer.reply.at)


def picked_failure(forwarding: Forwarding) -> BranchReply:
    """Return the failure that tm picks from all branches; its time is when the last branch ends."""
    failures = [_failure(branch, forwarding) for branch in forwarding.branches]
    if not failures:
        failures = [BranchReply(FlowReply(forwarding.timeout_at, TIMEOUT), Branch(), is_local=True)]
    best = min(failures, key=_priority)
    end = max(failure.reply.at for failure in failures)
    return best._replace(
        reply=FlowReply(end, best.reply.code, best.reply.reason, best.reply.to_tag, headers=best.reply.headers)
    )


def _failure(branch: Branch, forwarding: Forwarding) -> BranchReply:
    final = next((reply for reply in branch.replies if reply.code >= 300), None)
    if final is not None and final.at <= forwarding.timeout_at:
        return BranchReply(final, branch)
    return BranchReply(FlowReply(forwarding.timeout_at, TIMEOUT), branch, is_local=True)


def _priority(failure: BranchReply) -> int:
    code = failure.reply.code
    base = _CLASS_PRIORITY[code // 100] + code % 100
    if code // 100 == 4 and code not in _PREFERRED_4XX:
        base += 100
    return base
