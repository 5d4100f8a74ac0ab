"""End the sessions of a user, including those that began before sessions were listed; remove second factors."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accweb.web.second_factor import SECOND_FACTORS


def end_sessions(user: AbstractBaseUser | AnonymousUser, *, keep: str | None = "") -> int:
    """Delete the user's sessions except the one with the key ``keep``; return how many were deleted."""
    stored = Session.objects.filter(expire_date__gt=timezone.now())
    keys = [
        session.session_key
        for session in stored.iterator()
        if session.session_key != keep and session.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(user=user.pk).exclude(session_key=keep or "").delete()
    return len(keys)


def remove_second_factors(user: AbstractBaseUser) -> int:
    """Delete the user's second factors and recovery codes, and end all sessions; return how many factors there were."""
    removed, _of_models = Authenticator.objects.filter(user=user.pk).delete()
    end_sessions(user)
    return int(removed)


@receiver(authenticator_added)
def end_others(sender: type[Any], request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """When a user sets up the first second factor, end the sessions that began with the password alone."""
    factors = Authenticator.objects.filter(user=user.pk, type__in=SECOND_FACTORS)
    if authenticator.type in SECOND_FACTORS and not factors.exclude(pk=authenticator.pk).exists():
        end_sessions(user, keep=request.session.session_key)
