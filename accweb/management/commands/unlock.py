"""Unlock logins that were locked after failed attempts."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accweb.identity import ending_sessions
from accweb.web import lockout
from accweb.web.audit import Action, record_command


class Command(BaseCommand):
    help = (
        "Unlock an account, or an address, after too many failed logins; without either, list what is locked. "
        "Remove the second factors of who lost them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?", default="", help="the account to unlock, from all addresses")
        parser.add_argument("--address", default="", help="the address to unlock, for all accounts")

        parser.add_argument(
            "--remove-second-factors",
            action="store_true",
            help="remove the account's app, passkeys and recovery codes, and end its sessions",
        )

    def handle(self, *, username: str, address: str, remove_second_factors: bool, **options: Any) -> None:
        if remove_second_factors:
            self._remove_second_factors(username)
            return
        if username and address:
            raise CommandError("name an account or an address, not both", returncode=2)
        if not username and not address:
            self._list()
            return
        try:
            counts = lockout.unlock(account=username, address=address)
        except ValueError as error:
            raise CommandError(f"--address: {error}", returncode=2) from error
        if not counts:
            self.stdout.write(f"{username or address}: no failed attempts are counted")
            return
        record_command("unlock", Action.UNLOCKED, username or address)
        self.stdout.write(f"unlocked {username or address}")

    def _remove_second_factors(self, username: str) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"unknown user {username!r}", returncode=2)
        removed = ending_sessions.remove_second_factors(user)
        record_command("unlock", Action.DELETED, f"second factors of {username}")
        self.stdout.write(f"removed {removed} second factors of {username} and ended the sessions")

    def _list(self) -> None:
        for lock in lockout.locks():
            who, address = repr(lock.account) if lock.account else "all accounts", lock.address or "new addresses"
            self.stdout.write(f"{who} from {address}, until {lock.until:%Y-%m-%d %H:%M:%S} UTC")
