"""The audit log: who viewed, exported or changed what. Only these functions write entries."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.utils import timezone

from accweb.web.client_address import client_address
from accweb.web.models import AuditEntry

Action = AuditEntry.Action
LONGEST_TARGET = 500


def record(request: HttpRequest, action: AuditEntry.Action, target: str, **detail: Any) -> None:
    """Keep that who sent ``request`` did ``action`` to ``target``; in the transaction of the deed, if it has one."""
    record_of(request.user, action, target, address=client_address(request), **detail)


def record_of(
    user: AbstractBaseUser | AnonymousUser,
    action: AuditEntry.Action,
    target: str,
    *,
    address: str = "",
    username: str = "",
    **detail: Any,
) -> None:
    """Keep that ``user`` did ``action``: without a request, or by somebody unknown who gave a ``username``."""
    AuditEntry.objects.create(
        at=timezone.now(),
        user_id=user.pk,
        username=(username or user.get_username())[:150],
        address=address,
        action=action,
        target=target[:LONGEST_TARGET],
        detail=detail,
    )
