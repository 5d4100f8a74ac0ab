"""Manual ends of calls whose STOP never came: an overlay on the result of correlation.

Correlation does not see it. A settlement and its revocation are published as revisions, like any other change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from cdr.calls.publish import publish_revision
from cdr.display.wording import Text
from cdr.models import Call, Settlement
from cdr.storage.database import database_for_writes


class NotSettled(Exception):
    """The end of the call cannot be set; the text says why, to the person who tried."""

    def __init__(self, reason: Text) -> None:
        self.reason = reason
        super().__init__(str(reason))


def settle(call: Call, *, ended_at: datetime | None, reason: str, by: User, now: datetime) -> Settlement:
    """Set the end of ``call`` to ``ended_at``, or mark it as unknown (``None``); raise ``NotSettled`` with the reason.

    The stored call must have the state No STOP at this moment and no settlement yet. ``now``: when the person acted.
    """
    if not reason.strip():
        raise NotSettled(_("Enter a reason."))
    with transaction.atomic():
        current = _locked(call)
        if not current.lacks_stop:
            raise NotSettled(_("This call does not have the state No STOP (any more); its end cannot be set."))
        if current.settlement is not None:
            raise NotSettled(_("The end of this call was already set manually. Revoke that first."))
        if ended_at is not None and ended_at < (current.answered_at or current.started_at):
            raise NotSettled(_("The end time is before the answer. Enter a later time."))
        if ended_at is not None and ended_at > now:
            raise NotSettled(_("The end time is in the future. Enter an earlier time."))
        settlement = Settlement.objects.create(call=current, ended_at=ended_at, reason=reason.strip(), by=by, at=now)
        publish_revision(current, {"settlement": [None, _change_of(settlement)]})
    return settlement


def revoke(call: Call, *, by: User, now: datetime) -> None:
    """Revoke the settlement of ``call``, whose record stays; raise ``NotSettled`` if it has none."""
    with transaction.atomic():
        current = _locked(call)
        settlement = current.settlement
        if settlement is None:
            raise NotSettled(_("The end of this call is not set manually."))
        settlement.revoked_at, settlement.revoked_by = now, by
        settlement.save(update_fields=["revoked_at", "revoked_by"])
        publish_revision(current, {"settlement": [_change_of(settlement), None]})


def attach_settlements(calls: Sequence[Call]) -> None:
    """Attach the settlements to many calls with one query; with none where every call has its STOP."""
    without_stop = [call for call in calls if call.lacks_stop]
    if not without_stop:
        return
    settlements = Settlement.objects.filter(call__in=without_stop, revoked_at=None).select_related("by")
    by_call = {settlement.call_id: settlement for settlement in settlements}
    for call in without_stop:
        call.settlement = by_call.get(call.pk)


def _locked(call: Call) -> Call:
    """Return the stored call, locked: until the transaction ends no correlator can change it.

    The lock is the mark as pending (``cdr.storage.database``). It stays, so the call is folded once more.
    """
    database_for_writes().mark([call.call_key])
    return Call.objects.get(pk=call.pk)


def _change_of(settlement: Settlement) -> dict[str, Any]:
    return {
        "ended_at": settlement.ended_at and settlement.ended_at.isoformat(),
        "reason": settlement.reason,
        "by": settlement.by.get_username(),
    }
