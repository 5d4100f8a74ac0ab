"""The audit log: who viewed, exported or changed what. Only these functions write entries."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accweb.web.audit_chain import Head, digest_of, last_checkpoint
from accweb.web.client_address import client_address
from accweb.web.models import AuditCheckpoint, AuditEntry, AuditHead

Action = AuditEntry.Action
LONGEST_TARGET = 500


def record(request: HttpRequest, action: AuditEntry.Action, target: str, **detail: Any) -> None:
    """Record an action of the user of ``request``; call it in the transaction of the action, if there is one."""
    record_of(request.user, action, target, address=client_address(request), **detail)


def record_command(command: str, action: AuditEntry.Action, target: str, **detail: Any) -> None:
    """Record an action of ``manage.py``, under the name of the operating system account that ran it."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may have no name for it
        account = str(os.getuid())
    # User names cannot contain a colon.
    record_of(AnonymousUser(), action, target, username=f"system:{account}", by=f"manage.py {command}", **detail)


def record_of(
    user: AbstractBaseUser | AnonymousUser,
    action: AuditEntry.Action,
    target: str,
    *,
    address: str = "",
    username: str = "",
    **detail: Any,
) -> None:
    """Record an action without a request, or one of an unknown user who entered ``username``.

    It locks the chain until the transaction ends, so call it last in a transaction.
    """
    entry = AuditEntry(
        at=timezone.now(),
        user_id=user.pk,
        username=(username or user.get_username())[:150],
        address=address,
        action=action,
        target=target[:LONGEST_TARGET],
        detail=json.loads(json.dumps(detail)),  # as it will be read back, since the digest covers it
    )
    with transaction.atomic():
        head, _ = AuditHead.objects.select_for_update().get_or_create(pk=AuditHead.ONLY)
        entry.previous = head.digest
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)
        head.entry, head.digest = entry.pk, entry.digest
        head.save(update_fields=["entry", "digest"])


def prune(before: datetime, command: str, archive: Callable[[AuditEntry], object]) -> int:
    """Delete the entries older than ``before``, oldest first up to the first newer one; return how many.

    ``archive`` is called with each before. A checkpoint records where the chain begins from then on, and an entry who
    deleted what; the database refuses to delete entries after the newest checkpoint.
    """
    with transaction.atomic():
        AuditHead.objects.select_for_update().get_or_create(pk=AuditHead.ONLY)
        entries = AuditEntry.objects.filter(pk__gt=last_checkpoint().entry).order_by("pk")
        newer = entries.filter(at__gte=before).first()
        old = entries.filter(pk__lt=newer.pk) if newer else entries
        count, last = 0, Head(0, "")
        for entry in old.iterator(2000):
            archive(entry)
            count, last = count + 1, Head(entry.pk, entry.digest)
        if count:
            AuditCheckpoint.objects.create(entry=last.entry, digest=last.digest, removed=count, at=timezone.now())
            target = f"audit log before {before:%Y-%m-%dT%H:%M:%SZ}"
            record_command(command, Action.PRUNED, target, removed=count, head=str(last))
            AuditEntry.objects.filter(pk__lte=last.entry).delete()
    return count
