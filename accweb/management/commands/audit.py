"""Verify and prune the audit log."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accweb.web import audit_chain, audit_forwarding
from accweb.web.audit import prune
from accweb.web.models import AuditEntry
from cdr.queries.moments import parse_moment


class Command(BaseCommand):
    help = "Verify the chain of the audit log, print its head to be kept elsewhere, and remove old entries."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="verify|head|prune")
        verify = actions.add_parser(
            "verify", help="say which entries were changed, removed or inserted; status 1 if there are any"
        )
        verify.add_argument(
            "--head",
            metavar="ID:DIGEST",
            help="a head that was kept elsewhere (see `audit head`): it must still be in the chain",
        )
        actions.add_parser("head", help="print the newest entry as ID:DIGEST")
        pruning = actions.add_parser("prune", help="remove old entries, and leave a checkpoint to verify from")
        pruning.add_argument("--before", required=True, metavar="DATE", help="entries from before this date, or 400d")
        pruning.add_argument(
            "--archive", type=Path, required=True, metavar="FILE", help="a new file that gets the entries, a line each"
        )

    def handle(self, *, action: str, **options: Any) -> None:
        match action:
            case "verify":
                self._verify(options["head"])
            case "head":
                self.stdout.write(str(audit_chain.stored_head()))
            case "prune":
                self._prune(options["before"], options["archive"])

    def _verify(self, head: str | None) -> None:
        try:
            kept_head = None if head is None else audit_chain.Head.parse(head)
        except ValueError as error:
            raise CommandError(f"--head: {error}", returncode=2) from error
        findings = 0
        for finding in audit_chain.verify(kept_head):
            self.stdout.write(finding)
            findings += 1
        forwarding = audit_forwarding.state()
        if forwarding and forwarding.error:
            self.stderr.write(f"{forwarding.waiting} entries wait to be forwarded: {forwarding.error}")
        if findings:
            sys.exit(1)
        count = AuditEntry.objects.count()
        checkpoint = audit_chain.last_checkpoint()
        begin = f" since the checkpoint {checkpoint}" if checkpoint.entry else ""
        self.stdout.write(f"{count} entries{begin}, none changed; the head is {audit_chain.stored_head()}")

    def _prune(self, before: str, archive: Path) -> None:
        moment = _moment(before)
        if findings := list(audit_chain.verify()):
            raise CommandError(f"{findings[0]}; nothing was removed. See `manage.py audit verify`")
        try:
            with archive.open("x") as file:
                archive.chmod(0o600)
                count = prune(moment, "audit prune", lambda entry: file.write(_line(entry)))
        except OSError as error:
            raise CommandError(f"--archive: {error}; name a new file") from error
        if not count:
            archive.unlink()
        self.stdout.write(f"removed {count} entries; the log now begins after {audit_chain.last_checkpoint()}")


def _moment(text: str) -> datetime:
    try:
        days = text.removesuffix("d")
        if days != text and days.isdecimal():
            return timezone.now() - timedelta(days=int(days))
        return parse_moment(text)
    except (ValueError, OverflowError):
        raise CommandError(
            f"--before: {text!r} is not a valid date; write it like 2026-05-31 or 400d", returncode=2
        ) from None


def _line(entry: AuditEntry) -> str:
    fields = {
        "id": entry.pk,
        "at": entry.at.astimezone(UTC).isoformat(),
        "user_id": entry.user_id,
        "username": entry.username,
        "address": entry.address,
        "action": entry.action,
        "target": entry.target,
        "detail": entry.detail,
        "previous": entry.previous,
        "digest": entry.digest,
    }
    return json.dumps(fields) + "\n"
