"""Settling by hand the end of calls whose STOP never came: an overlay on what the events tell.

Correlation knows nothing of it. Whoever follows calls by ``revision`` and ``updated_at`` learns of a settlement, and of
its end, as of any other change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdr.display.wording import Text
from cdr.models import Call, CallRevision, Settlement
from cdr.storage.database import database


class NotSettled(Exception):
    """The call cannot be settled so; the text says why, to the person who wanted it."""

    def __init__(self, why: Text) -> None:
        self.why = why
        super().__init__(str(why))


def settle(call: Call, *, ended_at: datetime | None, reason: str, by: User, now: datetime) -> Settlement:
    """Settle the end of ``call``: at ``ended_at``, or unknown for good. Raise ``NotSettled`` where that makes no sense.

    The call must be stored as lacking its STOP at this moment, and not be settled already. ``now`` is when the person
    did it.
    """
    if not reason.strip():
        raise NotSettled(_("Enter a reason."))
    with transaction.atomic():
        current = _held(call)
        if not current.lacks_stop:
            raise NotSettled(_("This call does not have the state No STOP (any more); its end cannot be set."))
        if current.settlement is not None:
            raise NotSettled(_("The end of this call was already set manually. Revoke that first."))
        if ended_at is not None and ended_at < (current.answered_at or current.started_at):
            raise NotSettled(_("The end time is before the answer. Enter a later time."))
        if ended_at is not None and ended_at > now:
            raise NotSettled(_("The end time is in the future. Enter an earlier time."))
        made = Settlement.objects.create(call=current, ended_at=ended_at, reason=reason.strip(), by=by, at=now)
        _revise(current, [None, _told(made)])
    return made


def revoke(call: Call, *, by: User, now: datetime) -> None:
    """Revoke the settlement of ``call``; it is kept. Raise ``NotSettled`` where none is in force."""
    with transaction.atomic():
        current = _held(call)
        settled = current.settlement
        if settled is None:
            raise NotSettled(_("The end of this call is not set manually."))
        settled.revoked_at, settled.revoked_by = now, by
        settled.save(update_fields=["revoked_at", "revoked_by"])
        _revise(current, [_told(settled), None])


def look_up(calls: Sequence[Call]) -> None:
    """Look up the settlements of many calls in one query; in none, where no call lacks its STOP."""
    lacking = [call for call in calls if call.lacks_stop]
    if not lacking:
        return
    found = Settlement.objects.filter(call__in=lacking, revoked_at=None).select_related("by")
    by_call = {settled.call_id: settled for settled in found}
    for call in lacking:
        call.settlement = by_call.get(call.pk)


def _held(call: Call) -> Call:
    """Return the call as it is stored now; until the transaction ends no correlator can change it.

    The mark does that (``cdr.storage.database``). It stays, and the call will be folded once more in vain.
    """
    database().mark([call.call_key])
    return Call.objects.get(pk=call.pk)


def _revise(call: Call, change: list[Any]) -> None:
    """Publish the change as of this moment: who follows changes relies on a time from within the transaction
    (``cdr.queries.changes``), and getting the mark may have taken long.
    """
    now = timezone.now()
    CallRevision.objects.create(call=call, revision=call.revision + 1, at=now, changes={"settlement": change})
    Call.objects.filter(pk=call.pk).update(revision=call.revision + 1, updated_at=now)


def _told(settled: Settlement) -> dict[str, Any]:
    return {
        "ended_at": settled.ended_at and settled.ended_at.isoformat(),
        "reason": settled.reason,
        "by": settled.by.get_username(),
    }
