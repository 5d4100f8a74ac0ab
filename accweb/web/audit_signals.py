"""Audit entries for actions of Django and allauth: logins, failed logins, second factors, changes in the admin."""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
    authenticator_used,
)
from django.contrib import admin
from django.contrib.admin import actions
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase

from accweb.web.audit import Action, record, record_of
from accweb.web.client_address import client_address

_DEEDS = {ADDITION: Action.ADDED, CHANGE: Action.CHANGED, DELETION: Action.DELETED}


@receiver(user_logged_in)
def logged_in(sender: type[User], request: HttpRequest | None, user: User, **_: Any) -> None:
    address = client_address(request) if request else ""
    record_of(user, Action.LOGGED_IN, "", address=address)


@receiver(user_logged_out)
def logged_out(sender: type[User] | None, request: HttpRequest | None, user: User | None, **_: Any) -> None:
    if request is not None and user is not None:
        record_of(user, Action.LOGGED_OUT, "", address=client_address(request))


@receiver(authenticator_added)
def factor_added(sender: type[Authenticator], request: HttpRequest, authenticator: Authenticator, **_: Any) -> None:
    record(request, Action.ADDED, f"second factor: {authenticator}")


@receiver(authenticator_removed)
def factor_removed(sender: type[Authenticator], request: HttpRequest, authenticator: Authenticator, **_: Any) -> None:
    record(request, Action.DELETED, f"second factor: {authenticator}")


@receiver(authenticator_reset)
def codes_made(sender: type[Authenticator], request: HttpRequest, authenticator: Authenticator, **_: Any) -> None:
    record(request, Action.CHANGED, f"second factor: {authenticator}")


@receiver(authenticator_used)
def factor_used(
    sender: type[Authenticator], request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    """Record the use of a recovery code, since each can be used only once."""
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        record_of(user, Action.CHANGED, "second factor: a recovery code was used", address=client_address(request))


@receiver(authentication_failed)
def code_refused(sender: type[Authenticator], request: HttpRequest, user: User, **_: Any) -> None:
    address, name = client_address(request), user.get_username()
    record_of(AnonymousUser(), Action.REFUSED, "wrong code", address=address, username=name)


@receiver(user_login_failed)
def refused(sender: str, credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Record the user name of the attempt."""
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
    """Record what the admin's own log contains: the object and the names of the changed fields, but no values."""
    if created and instance.action_flag in _DEEDS:
        kind = instance.content_type.name if instance.content_type else ""
        record_of(
            instance.user,
            _DEEDS[instance.action_flag],
            f"{kind} {instance.object_repr}".strip(),
            change=instance.get_change_message(),
        )


@wraps(actions.delete_selected)
def delete_selected(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponseBase | None:
    """Delete the selected objects and record each; Django's log sends no signal for more than one."""
    targets = [f"{queryset.model._meta.verbose_name} {chosen}" for chosen in queryset]
    with transaction.atomic():
        response = actions.delete_selected(model_admin, request, queryset)
        if response is None and len(targets) > 1:
            for target in targets:
                record(request, Action.DELETED, target)
    return response
