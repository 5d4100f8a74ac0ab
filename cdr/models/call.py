"""The CDR: one per answered dialog, or one per unanswered call attempt."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import CallState, DurationKind, Outcome, ReleasedBy
from cdr.display import wording
from cdr.display.safe_text import one_line
from cdr.models.fields import Beginning, WordsField


def _choices(words: Iterable[tuple[StrEnum, wording.Word]]) -> list[tuple[str, wording.Text]]:
    return [(value.value, word.label) for value, word in words]


class Call(models.Model):
    """A call as correlated from its events; written only by ``cdr.calls``.

    ``identity`` (16 bytes) identifies the call within its Call-ID: the tag pair of the dialog, or the caller's tag of
    an attempt. At ``stop_due_at`` an ongoing call gets the state No STOP. ``superseded``: a later event showed that
    this call is part of another; the row stays, flagged, so that clients which follow changes learn of it.
    """

    State, Outcome, DurationKind, ReleasedBy = CallState, Outcome, DurationKind, ReleasedBy

    cluster = models.CharField(max_length=64, default="", blank=True)
    call_id = models.TextField()
    call_key = models.BigIntegerField()
    identity = models.BinaryField(max_length=16)
    from_tag = models.TextField()
    to_tag = models.TextField()
    caller = models.TextField(null=True)
    callee = models.TextField(null=True)
    source_ip = models.TextField(null=True)
    user_agent = models.TextField(null=True)
    state = models.CharField(max_length=16, choices=_choices(wording.STATES.items()))
    outcome = models.CharField(max_length=16, choices=_choices(wording.OUTCOMES.items()), null=True)
    started_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    duration = models.DurationField(null=True)
    duration_kind = models.CharField(max_length=16, choices=_choices(wording.DURATIONS.items()))
    released_by = models.CharField(max_length=8, choices=_choices(wording.RELEASED.items()), null=True)
    sip_code = models.IntegerField(null=True)
    sip_reason = models.TextField(null=True)
    extra = models.JSONField(default=dict)
    flags = WordsField(default=list)
    proxies = WordsField(default=list)
    backends = WordsField(default=list)
    events = models.IntegerField()
    stop_due_at = models.DateTimeField(null=True)
    superseded = models.BooleanField(default=False)
    revision = models.IntegerField(default=1)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-started_at", "-id"]
        permissions = [
            ("view_numbers", "Can see full numbers, extra fields and raw input of calls"),
            ("export_call", "Can export calls"),
        ]
        constraints = [models.UniqueConstraint(fields=["call_key", "identity", "cluster"], name="call_unique")]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="call_newest_first"),
            models.Index(fields=["updated_at", "id"], name="call_changes"),
            models.Index(
                fields=["-started_at", "-id"],
                name="call_without_stop",
                condition=Q(state="stop_missing"),
            ),
            models.Index(
                fields=["-started_at", "-id"],
                name="call_with_bound",
                condition=Q(duration_kind__in=["at_least", "at_most"]),
            ),
            models.Index(fields=["stop_due_at"], name="call_stop_due", condition=Q(state="ongoing")),
            # Parts of numbers have another index: see cdr.queries.trigrams.
            models.Index(Beginning("caller"), F("started_at").desc(), F("id").desc(), name="call_by_caller"),
            models.Index(Beginning("callee"), F("started_at").desc(), F("id").desc(), name="call_by_callee"),
            models.Index(
                fields=["-started_at", "-id"],
                name="call_that_failed",
                condition=Q(outcome__in=["failed", "not_found", "redirected", "unauthorized"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{one_line(self.caller or self.from_tag)} → {one_line(self.callee or self.to_tag)}"

    @cached_property
    def settlement(self) -> Settlement | None:
        """The current settlement, only while the STOP is missing and until it is revoked.

        This is one query per call; ``cdr.calls.settlement.attach_settlements`` does it for many calls at once.
        """
        if not self.lacks_stop:
            return None
        return self.settlements.filter(revoked_at=None).select_related("by").first()

    @property
    def lacks_stop(self) -> bool:
        return self.state == self.State.STOP_MISSING and not self.superseded


class Leg(models.Model):
    """One virtual hop of a forwarded call, in chronological order."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="legs", db_index=False)
    position = models.IntegerField()
    source = models.TextField(null=True)
    destination = models.TextField(null=True)
    type = models.TextField(null=True)
    values = models.JSONField(default=dict)

    class Meta:
        ordering = ["call", "position"]
        constraints = [models.UniqueConstraint(fields=["call", "position"], name="leg_unique")]


class Attempt(models.Model):
    """One failed branch inside a call, with the extra fields and legs of its own events."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    position = models.IntegerField()
    code = models.IntegerField()
    reason = models.TextField()
    to_tag = models.TextField()
    time = models.DateTimeField()
    gateway = models.TextField(null=True)
    extra = models.JSONField(default=dict)
    legs = models.JSONField(default=list)

    class Meta:
        ordering = ["call", "position"]
        constraints = [models.UniqueConstraint(fields=["call", "position"], name="attempt_unique")]


class CallRevision(models.Model):
    """The changes of a published call after later events: ``changes`` maps a field to [before, after]."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="revisions", db_index=False)
    revision = models.IntegerField(help_text=_("the revision that the change led to"))
    at = models.DateTimeField()
    changes = models.JSONField()

    class Meta:
        ordering = ["call", "revision"]
        constraints = [models.UniqueConstraint(fields=["call", "revision"], name="call_revision_unique")]


class Settlement(models.Model):
    """The end that a user set for a call without STOP: ``ended_at``, or null if marked as unknown.

    It is current until it is revoked or the STOP arrives (``Call.settlement``); a late STOP leaves this row unchanged.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="settlements")
    ended_at = models.DateTimeField(null=True)
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        ordering = ["call", "at", "id"]
        default_permissions = ("add", "change", "view")  # change: revoke
        constraints = [
            models.UniqueConstraint(fields=["call"], condition=Q(revoked_at=None), name="settlement_one_per_call")
        ]

    def __str__(self) -> str:
        return f"{self.ended_at or 'unknown'} ({self.by})"
