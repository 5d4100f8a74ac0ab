"""Limit login attempts: per account and address, per address, and per account.

* Attempts on an account from one address: ``LOGIN_ATTEMPTS`` in ``LOGIN_MINUTES``. They are counted before the password
  is compared, so that parallel requests share the count, and forgotten when a login succeeds.
* Attempts from one address on any account: six times as many; correct passwords do not count.
* Attempts on one account from all addresses: four times as many, and twenty times as many in a day. Addresses from
  which the account logged in recently are exempt, so that nobody else can lock the owner out there.

Counts expire; refused attempts do not prolong them. Unknown names are counted too, so that nothing is disclosed about
which accounts exist.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accweb.web import shell, throttle
from accweb.web.audit import Action, record_of
from accweb.web.client_address import client_address
from accweb.web.models import AuditEntry, RequestCount
from accweb.web.throttle import Limit, network_of

_KNOWN_FOR = timedelta(days=90)
_PAIR, _ADDRESS, _ACCOUNT, _ACCOUNT_DAY = "login", "login address", "login account", "login account day"


class TooManyRequests(Exception):
    """The attempt was refused; the next one is allowed after ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class LoginAttempt:
    """A counted login attempt; call ``give_back`` if the password or the code was correct."""

    def __init__(self, request: HttpRequest, username: str) -> None:
        self._pair = _pair_of(request, username)
        self._taken: list[tuple[Limit, str]] = []
        account, address = _account(username), network_of(client_address(request))
        # The pair before the address: attempts at one locked account must not lock out others at the same address.
        if wait := throttle.wait_of(_limits()[_ADDRESS], address):
            raise TooManyRequests(wait)
        self._take(request, username, _limits()[_PAIR], self._pair)
        self._take(request, username, _limits()[_ADDRESS], address)
        if not _is_known(username, address):
            self._take(request, username, _limits()[_ACCOUNT], account)
            self._take(request, username, _limits()[_ACCOUNT_DAY], account)

    def _take(self, request: HttpRequest, username: str, limit: Limit, subject: str) -> None:
        verdict = throttle.take(limit, subject)
        if verdict.is_first_refusal:
            address = client_address(request)
            until = timezone.now() + timedelta(seconds=verdict.wait)
            record_of(
                AnonymousUser(),
                Action.LOCKED_OUT,
                _WHAT[limit.scope],
                username=username,
                address=address,
                until=until.isoformat(timespec="seconds"),
            )
        if verdict.wait:
            self.give_back(is_logged_in=True)  # no password is checked
            raise TooManyRequests(verdict.wait)
        self._taken.append((limit, subject))

    def give_back(self, *, is_logged_in: bool) -> None:
        """Do not count the attempt; for account and address only if the user is logged in already."""
        for limit, subject in self._taken:
            if is_logged_in or limit.scope != _PAIR:
                throttle.give_back(limit, subject)


_WHAT = {
    _PAIR: "the account from this address",
    _ADDRESS: "all accounts from this address",
    _ACCOUNT: "the account from addresses that it never used",
    _ACCOUNT_DAY: "the account from addresses that it never used",
}


def _limits() -> dict[str, Limit]:
    attempts, seconds = settings.LOGIN_ATTEMPTS, settings.LOGIN_MINUTES * 60
    return {
        _PAIR: Limit(_PAIR, attempts, seconds),
        _ADDRESS: Limit(_ADDRESS, 6 * attempts, seconds),
        _ACCOUNT: Limit(_ACCOUNT, 4 * attempts, seconds),
        _ACCOUNT_DAY: Limit(_ACCOUNT_DAY, 20 * attempts, 86_400),
    }


def _account(username: str) -> str:
    return username.strip().casefold()[:150]


def _pair_of(request: HttpRequest, username: str) -> str:
    return f"{network_of(client_address(request))} {_account(username)}"


def _is_known(username: str, address: str) -> bool:
    """Return whether the account logged in from the address recently."""
    logins = AuditEntry.objects.filter(
        action=Action.LOGGED_IN, username__iexact=username.strip(), at__gte=timezone.now() - _KNOWN_FOR
    )
    addresses = logins.order_by().values_list("address", flat=True).distinct()
    return any(network_of(known) == address for known in addresses)


class CountedLogin(ModelBackend):
    """Django's model backend, with a limit of login attempts for requests."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the user; raise ``TooManyRequests``."""
        if request is None or username is None or password is None:
            return super().authenticate(request, username, password, **kwargs)
        attempt = LoginAttempt(request, username)
        user = super().authenticate(request, username, password, **kwargs)
        if user is not None:
            attempt.give_back(is_logged_in=getattr(request, "user", None) == user)
        return user


@receiver(user_logged_in)
def forget_attempts(sender: type[User], request: HttpRequest | None, user: User, **_: Any) -> None:
    if request is not None:
        RequestCount.objects.filter(scope=_PAIR, subject=_pair_of(request, user.get_username())).delete()


class LockoutMiddleware:
    """Responds to refused login attempts with status 429 and the time to wait."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return shell.too_many_requests(request, exception.seconds) if isinstance(exception, TooManyRequests) else None


class Lock(NamedTuple):
    """Logins are refused ``until`` a time: of an account, from an address, or of an account from an address."""

    account: str
    address: str
    until: datetime


def locks() -> Sequence[Lock]:
    """Return the current locks, the longest first."""
    now = time.time()
    counts = RequestCount.objects.filter(scope__in=_WHAT, ends_at__gt=now).order_by("-ends_at", "subject")
    limits = _limits()
    return [_lock_of(count) for count in counts if count.used > limits[count.scope].most]


def _lock_of(count: RequestCount) -> Lock:
    until = datetime.fromtimestamp(count.ends_at, UTC)
    if count.scope == _PAIR:
        address, _, account = count.subject.partition(" ")
        return Lock(account, address, until)
    return Lock("", count.subject, until) if count.scope == _ADDRESS else Lock(count.subject, "", until)


def unlock(*, account: str = "", address: str = "") -> int:
    """Delete the counts of failed attempts of an account, or from an address; return their number."""
    subjects = RequestCount.objects.filter(scope__in=_WHAT)
    if account:
        of_account = subjects.filter(scope__in=(_ACCOUNT, _ACCOUNT_DAY), subject=_account(account))
        pairs = subjects.filter(scope=_PAIR, subject__endswith=f" {_account(account)}")
        return int(of_account.delete()[0] + pairs.delete()[0])
    of_address = subjects.filter(scope=_ADDRESS, subject=network_of(address))
    pairs = subjects.filter(scope=_PAIR, subject__startswith=f"{network_of(address)} ")
    return int(of_address.delete()[0] + pairs.delete()[0])
