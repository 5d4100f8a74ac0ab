"""Manage API tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accweb.web.audit import Action, record_of
from accweb.web.models import ApiToken
from accweb.web.tokens import SCOPES, TokenRefused, is_expired, new_token, scopes_of

_LONGEST_DAYS = 36_500


class Command(BaseCommand):
    help = "Create, list and revoke API tokens. A token is displayed only when it is created."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="add|list|revoke")
        add = actions.add_parser("add", help="create a token; it is the last line of the output")
        add.add_argument("user", help="the user in whose name it is used")
        add.add_argument("name", help="its name, for example the program that will use it")
        add.add_argument(
            "--scope",
            action="append",
            default=[],
            metavar="PERMISSION",
            help=f"a permission of the token, may be repeated (default: all of the user): {', '.join(SCOPES)}",
        )
        add.add_argument("--days", type=int, help="days until it expires (default: it does not expire)")
        listing = actions.add_parser("list", help="list the tokens")
        listing.add_argument("user", nargs="?", help="only the tokens of this user")
        revoke = actions.add_parser("revoke", help="revoke a token")
        revoke.add_argument("user")
        revoke.add_argument("name")

    def handle(self, *, action: str, **options: Any) -> None:
        match action:
            case "add":
                self._add(_user(options["user"]), options["name"], options["scope"], options["days"])
            case "list":
                self._list(options["user"])
            case "revoke":
                self._revoke(_user(options["user"]), options["name"])

    def _add(self, user: User, name: str, scopes: list[str], days: int | None) -> None:
        if days is not None and not 1 <= days <= _LONGEST_DAYS:
            raise CommandError(f"--days: {days} is not a number from 1 to {_LONGEST_DAYS}", returncode=2)
        now = timezone.now()
        expires_at = None if days is None else now + timedelta(days=days)
        try:
            token, text = new_token(user, name, scopes or scopes_of(user), expires_at=expires_at, now=now)
        except TokenRefused as error:
            raise CommandError(f"{error.field}: {error}", returncode=2) from error
        record_of(user, Action.ADDED, f"API token {token}", by="manage.py token", scopes=token.scopes)
        self.stdout.write(f"created {token} for {user.get_username()}; copy it now, it cannot be shown again:\n{text}")

    def _list(self, username: str | None) -> None:
        tokens = ApiToken.objects.select_related("user").order_by("user__username", "name")
        if username is not None:
            tokens = tokens.filter(user=_user(username))
        for token in tokens:
            self.stdout.write(_line(token))

    def _revoke(self, user: User, name: str) -> None:
        token = ApiToken.objects.filter(user=user, name=name).first()
        if token is None:
            raise CommandError(f"{user.get_username()} has no token {name!r}; list them with: token list", returncode=2)
        token.delete()
        record_of(user, Action.DELETED, f"API token {token}", by="manage.py token")
        self.stdout.write(f"revoked {token}")


def _user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"unknown user {name!r}", returncode=2)
    return user


def _line(token: ApiToken) -> str:
    expires = f"{token.expires_at:%Y-%m-%d}" if token.expires_at else "never"
    used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never"
    state = "  EXPIRED" if is_expired(token, timezone.now()) else ""
    scopes = ", ".join(token.scopes)
    about = f"created {token.created_at:%Y-%m-%d}  expires {expires}  last used {used}  scopes {scopes}"
    return f"{token.user.get_username()}  {token}  {about}{state}"
