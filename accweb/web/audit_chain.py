"""The hash chain of the audit log: what an entry's digest covers, and what is wrong with a stored chain.

An entry holds the digest of the entry before it and its own, which covers both that and all it says. The head names the
newest entry, so that entries missing at the end are noticed. Whoever can write to the database can change the head as
well: only a head that was kept elsewhere (in the log, by the syslog server) proves that the chain was not written anew.
A checkpoint names the newest entry that retention removed; the chain begins after it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any, NamedTuple

from django.db import connection

from accweb.web.models import AuditCheckpoint, AuditEntry, AuditHead

TRIGGERS = {
    "postgresql": ("accweb_audit_no_update", "accweb_audit_no_delete", "accweb_audit_no_truncate"),
    "sqlite": ("accweb_audit_no_update", "accweb_audit_no_delete", "accweb_audit_no_replace"),
}
"""What refuses changes of the audit log, by the kind of database (migration 0006)."""

_CHUNK = 2000


class Head(NamedTuple):
    """An entry and its digest, as ``ID:DIGEST``; 0 and nothing stand for an empty log."""

    entry: int
    digest: str

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read what ``str()`` of a head wrote; raise ``ValueError``."""
        entry, _, digest = text.strip().partition(":")
        if not (entry.isascii() and entry.isdecimal() and len(entry) < 19 and len(digest) == 64):
            raise ValueError(f"{text!r} is not a head; use ID:DIGEST as `manage.py audit head` prints it")
        return cls(int(entry), digest)

    def __str__(self) -> str:
        return f"{self.entry}:{self.digest}"


def digest_of(entry: AuditEntry) -> str:
    """Return the SHA-256 of the entry's predecessor and of all that the entry says, in hexadecimal."""
    said = [
        entry.previous,
        entry.at.astimezone(UTC).isoformat(),
        entry.user_id,
        entry.username,
        entry.address,
        entry.action,
        entry.target,
        _canonical(entry.detail),
    ]
    return hashlib.sha256(json.dumps(said, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def stored_head() -> Head:
    head = AuditHead.objects.first()
    return Head(head.entry, head.digest) if head else Head(0, "")


def last_checkpoint() -> Head:
    """Return the newest entry that retention removed."""
    checkpoint = AuditCheckpoint.objects.order_by("-entry").first()
    return Head(checkpoint.entry, checkpoint.digest) if checkpoint else Head(0, "")


def verify(kept_head: Head | None = None) -> Iterator[str]:
    """Yield what is wrong with the audit log, a sentence for each; nothing for a log that nobody tampered with.

    ``kept_head``: a head that was kept outside the database, which the chain must still contain.
    """
    checkpoint = last_checkpoint()
    last = checkpoint
    kept_digest = checkpoint.digest if kept_head and kept_head.entry == checkpoint.entry else None
    for entry in AuditEntry.objects.filter(pk__gt=checkpoint.entry).order_by("pk").iterator(_CHUNK):
        if digest_of(entry) != entry.digest:
            yield f"entry {entry.pk} was changed after it was written: {entry}"
        if entry.previous != last.digest:
            yield _broken_link(entry, last)
        last = Head(entry.pk, entry.digest)
        if kept_head and kept_head.entry == entry.pk:
            kept_digest = entry.digest
    yield from _wrong_end(last, stored_head())
    if kept_head and kept_head.entry >= checkpoint.entry and kept_digest != kept_head.digest:
        yield f"entry {kept_head.entry} was removed or rewritten: it is not the one that the given head names"
    yield from _wrong_checkpoint(checkpoint)
    yield from (
        f"the database does not protect the audit log: trigger {name} is missing" for name in missing_triggers()
    )


def missing_triggers() -> list[str]:
    """Return which of the triggers that refuse changes of the audit log the database does not have, or has disabled."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = 'accweb_auditentry'::regclass AND tgenabled <> 'D'"
            )
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'accweb_auditentry'")
        present = {name for (name,) in cursor.fetchall()}
    return [name for name in TRIGGERS[connection.vendor] if name not in present]


def _canonical(value: Any) -> Any:
    """Return a JSON value as PostgreSQL gives it back, which writes 2.0e1 as 20."""
    match value:
        case dict():
            return {key: _canonical(item) for key, item in value.items()}
        case list():
            return [_canonical(item) for item in value]
        case float() if value.is_integer():
            return int(value)
    return value


def _broken_link(entry: AuditEntry, last: Head) -> str:
    predecessor = AuditEntry.objects.filter(digest=entry.previous, pk__lt=entry.pk).order_by("-pk").first()
    if predecessor:
        first = AuditEntry.objects.filter(pk__gt=predecessor.pk).earliest("pk")
        inserted = f"entry {first.pk} was" if first.pk == last.entry else f"entries {first.pk} to {last.entry} were"
        return f"{inserted} inserted: entry {entry.pk} follows entry {predecessor.pk}"
    if not last.entry:
        return f"entries before entry {entry.pk} were removed"
    return f"entries between {last.entry} and {entry.pk} were removed, or entry {last.entry} was rewritten"


def _wrong_end(last: Head, head: Head) -> Iterator[str]:
    if head.entry > last.entry:
        yield f"the newest entries were removed: entry {head.entry} was written last, and {last.entry} is the last here"
    elif head.entry < last.entry:
        yield f"entries after {head.entry} were inserted: entry {head.entry} was written last"
    elif head.digest != last.digest:
        yield f"entry {last.entry} was rewritten: it is not the one that was written"


def _wrong_checkpoint(checkpoint: Head) -> Iterator[str]:
    """Compare the checkpoint with the entry that ``prune`` wrote about it."""
    if checkpoint.entry:
        pruned = AuditEntry.objects.filter(action=AuditEntry.Action.PRUNED, pk__gt=checkpoint.entry)
        if not any(entry.detail.get("head") == str(checkpoint) for entry in pruned):
            yield f"entries up to {checkpoint.entry} were removed without an entry about it"
