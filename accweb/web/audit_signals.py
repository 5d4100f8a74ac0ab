"""Audit entries from Django's signals: logins, failed logins, changes in the admin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest

from accweb.web.audit import Action, record_of
from accweb.web.client_address import client_address

_DEEDS = {ADDITION: Action.ADDED, CHANGE: Action.CHANGED, DELETION: Action.DELETED}


@receiver(user_logged_in)
def logged_in(sender: type[User], request: HttpRequest | None, user: User, **_: Any) -> None:
    address = client_address(request) if request else ""
    record_of(user, Action.LOGGED_IN, "", address=address)


@receiver(user_login_failed)
def refused(sender: str, credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Keep the name that was tried."""
    if request is not None:
        record_of(
            AnonymousUser(),
            Action.REFUSED,
            "",
            address=client_address(request),
            username=str(credentials.get("username", "")),
        )


@receiver(post_save, sender=LogEntry)
def changed(sender: type[LogEntry], instance: LogEntry, created: bool, **_: Any) -> None:
    """Keep what the admin's own log keeps: the object, and the names of the fields, never their values."""
    if created and instance.action_flag in _DEEDS:
        kind = instance.content_type.name if instance.content_type else ""
        record_of(
            instance.user,
            _DEEDS[instance.action_flag],
            f"{kind} {instance.object_repr}".strip(),
            change=instance.get_change_message(),
        )
