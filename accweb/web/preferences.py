"""Activate the user's time zone and language for the duration of a request."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from accweb.web.models import Preferences


def preferences_of(user: AbstractBaseUser | AnonymousUser) -> Preferences:
    """Return the preferences of ``user``, or unsaved defaults."""
    return Preferences.objects.filter(user_id=user.pk or 0).first() or Preferences()


class PreferencesMiddleware:
    """Must follow the middleware of sessions, logins and the browser's language, which is the default."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        preferences = preferences_of(request.user) if request.user.is_authenticated else Preferences()
        if preferences.language:
            translation.activate(preferences.language)
            request.LANGUAGE_CODE = preferences.language
        with timezone.override(
            ZoneInfo(preferences.time_zone) if preferences.time_zone else timezone.get_default_timezone()
        ):
            return self._get_response(request)
