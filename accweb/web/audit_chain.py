"""The hash chain of the audit log: the digest of an entry, and the verification of a stored chain.

An entry contains the digest of the previous entry and its own, which covers that digest and the entry's content. The
head names the newest entry, so that entries missing at the end are noticed. Anyone who can write to the database can
also change the head: only a head stored elsewhere (in the log, on the syslog server) proves that the chain was not
rewritten. A checkpoint names the newest entry deleted by retention; the chain begins after it.
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
"""The triggers that refuse changes of the audit log, by database vendor (migration 0006)."""

_CHUNK = 2000


class Head(NamedTuple):
    """An entry and its digest, written ``ID:DIGEST``; 0 and an empty digest stand for an empty log."""

    entry: int
    digest: str

    @classmethod
    def parse(cls, text: str) -> Head:
        """Parse the result of ``str()``; raise ``ValueError``."""
        entry, _, digest = text.strip().partition(":")
        if not (entry.isascii() and entry.isdecimal() and len(entry) < 19 and len(digest) == 64):
            raise ValueError(f"{text!r} is not a valid head; use ID:DIGEST as `manage.py audit head` prints it")
        return cls(int(entry), digest)

    def __str__(self) -> str:
        return f"{self.entry}:{self.digest}"


def digest_of(entry: AuditEntry) -> str:
    """Return the SHA-256 of the previous entry's digest and the entry's content, in hexadecimal."""
    content = [
        entry.previous,
        entry.at.astimezone(UTC).isoformat(),
        entry.user_id,
        entry.username,
        entry.address,
        entry.action,
        entry.target,
        _canonical(entry.detail),
    ]
    return hashlib.sha256(json.dumps(content, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def stored_head() -> Head:
    head = AuditHead.objects.first()
    return Head(head.entry, head.digest) if head else Head(0, "")


def last_checkpoint() -> Head:
    """Return the newest entry deleted by retention."""
    checkpoint = AuditCheckpoint.objects.order_by("-entry").first()
    return Head(checkpoint.entry, checkpoint.digest) if checkpoint else Head(0, "")


def verify(kept_head: Head | None = None) -> Iterator[str]:
    """Yield a sentence for each inconsistency of the audit log; nothing if it is intact.

    ``kept_head`` is a head stored outside the database, which the chain must still contain.
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
    """Return the names of the triggers against changes of the audit log that are missing or disabled."""
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
    """Return a JSON value as PostgreSQL returns it, which writes 2.0e1 as 20."""
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
    """Compare the checkpoint with the entry that ``prune`` wrote for it."""
    if checkpoint.entry:
        pruned = AuditEntry.objects.filter(action=AuditEntry.Action.PRUNED, pk__gt=checkpoint.entry)
        if not any(entry.detail.get("head") == str(checkpoint) for entry in pruned):
            yield f"entries up to {checkpoint.entry} were removed without an entry about it"
