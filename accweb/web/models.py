"""Users' preferences, API tokens, counts of requests and the audit log."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accweb.web.zones import validate_zone


class Preferences(models.Model):
    """A user's time zone and language; empty values stand for the defaults of the installation."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences")
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="", validators=[validate_zone])
    language = models.CharField(_("language"), max_length=8, blank=True, default="", choices=settings.LANGUAGES)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.user)


class ApiToken(models.Model):
    """A token with which a program uses the API in a user's name; only its hash is stored.

    It has those permissions of its user that its ``scopes`` contain (such as ``cdr.view_call``). ``prefix`` is the
    beginning of the token, for display.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["user", "-created_at"]
        default_permissions = ("view", "delete")
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="api_token_name_unique_per_user")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class GroupPolicy(models.Model):
    """What a group requires of its members besides their permissions."""

    group = models.OneToOneField("auth.Group", on_delete=models.CASCADE, related_name="policy")
    second_factor = models.BooleanField(_("second factor required"), default=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.group)


class RequestCount(models.Model):
    """How often ``subject`` did something within a span of time; ``accweb.web.throttle`` counts.

    ``ends_at`` is in Unix time: then the count is over.
    """

    scope = models.CharField(max_length=24)
    subject = models.CharField(max_length=200)
    used = models.BigIntegerField()
    ends_at = models.FloatField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["scope", "subject"], name="request_count_unique")]

    def __str__(self) -> str:
        return f"{self.scope} {self.subject!r}: {self.used}"


class AuditEntry(models.Model):
    """What somebody did or saw: written once, by ``accweb.web.audit`` alone; the database refuses to change it.

    ``username`` and ``user_id`` stay when the user is gone. ``target`` says what it was about in words, ``detail`` the
    rest (filter, changed fields). ``previous`` and ``digest`` make the chain of ``accweb.web.audit_chain``.
    """

    class Action(models.TextChoices):
        VIEWED = "viewed", _("viewed full numbers")
        EXPORTED = "exported", _("exported")
        ADDED = "added", _("added")
        CHANGED = "changed", _("changed")
        DELETED = "deleted", _("deleted")
        SETTLED = "settled", _("set an end manually")
        REVOKED = "revoked", _("revoked a manual end")
        REPLAYED = "replayed", _("re-parsed rejected input")
        LOGGED_IN = "logged_in", _("logged in")
        REFUSED = "refused", _("failed to log in")
        LOGGED_OUT = "logged_out", _("logged out")
        LOCKED_OUT = "locked_out", _("locked out")
        UNLOCKED = "unlocked", _("unlocked")
        PRUNED = "pruned", _("removed old audit entries")

    at = models.DateTimeField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+"
    )
    username = models.CharField(max_length=150)
    address = models.CharField(max_length=64, blank=True, default="")
    action = models.CharField(max_length=16, choices=Action)
    target = models.TextField(blank=True, default="")
    detail = models.JSONField(default=dict)
    previous = models.CharField(max_length=64, blank=True, default="", editable=False)
    digest = models.CharField(max_length=64, blank=True, default="", editable=False)

    class Meta:
        ordering = ["-at", "-id"]
        default_permissions = ("view",)
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        indexes = [models.Index(fields=["-at", "-id"], name="audit_newest_first")]

    def __str__(self) -> str:
        # Anybody may try to log in under any name: repr() shows what is hidden in it.
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.username!r} {self.action}"


class AuditHead(models.Model):
    """The newest entry of the audit log, in one row, which who writes an entry locks."""

    ONLY = 1

    entry = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.entry}:{self.digest}"


class AuditCheckpoint(models.Model):
    """The newest entry that retention removed: the chain begins after it."""

    entry = models.BigIntegerField(unique=True)
    digest = models.CharField(max_length=64)
    removed = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.entry}:{self.digest}"


class AuditForwarding(models.Model):
    """How far the audit log was forwarded to the syslog server, in one row, and how often that failed."""

    ONLY = 1

    entry = models.BigIntegerField(default=0)
    failures = models.BigIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    failed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"forwarded up to entry {self.entry}"
