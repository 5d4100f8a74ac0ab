"""Sources: the ways in which events of a proxy arrive."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from cdr.sources import KINDS
from cdr.sources.setting import Secret, Settings, SettingsError, is_plain_secret
from proxyconf.models import Proxy
from proxyconf.models.sealing import Unreadable, seal, unseal


class Source(models.Model):
    """A way in which events of a proxy arrive, with its settings, its cursor and its health counters.

    ``settings`` are declared by ``KINDS[kind]``; their secrets are sealed when the source is saved. ``cursor`` is the
    position up to which input was read; it advances in the transaction that stores the events.
    """

    class Kind(models.TextChoices):
        IMPORT = "import", _("files read by the ingest command")
        MIRROR = "mirror", _("acc and missed_calls tables in accweb's database")
        SYSLOG = "syslog", _("syslog over the network")
        DATABASE = "database", _("the proxy's own database tables")
        FILE = "file", _("log file, followed")
        RADIUS = "radius", _("RADIUS accounting requests")
        RADSEC = "radsec", _("RADIUS accounting over TLS (RadSec)")
        DETAIL = "detail", _("FreeRADIUS detail file, followed")
        DIAMETER = "diameter", _("Diameter accounting requests")
        EVENTS = "events", _("OpenSIPS event datagrams")
        HTTP = "http", _("JSON over HTTP")

    proxy = models.ForeignKey(Proxy, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)
    enabled = models.BooleanField(default=True)
    settings = models.JSONField(default=dict, blank=True)
    cursor = models.JSONField(default=dict, blank=True, editable=False)
    events = models.BigIntegerField(default=0, editable=False)
    duplicates = models.BigIntegerField(default=0, editable=False)
    rejected = models.BigIntegerField(default=0, editable=False)
    ignored = models.BigIntegerField(default=0, editable=False)
    last_event_at = models.DateTimeField(null=True, blank=True, editable=False, help_text=_("time of the newest event"))
    last_received_at = models.DateTimeField(null=True, blank=True, editable=False)
    error = models.TextField(blank=True, default="", editable=False)

    class Meta:
        ordering = ["proxy__name", "name"]
        constraints = [models.UniqueConstraint(fields=["proxy", "name"], name="source_name_unique_per_proxy")]

    def __str__(self) -> str:
        return f"{self.proxy.name}/{self.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.settings = sealed_settings(self.kind, self.settings)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        if self.kind == self.Kind.MIRROR and self._state.adding and connection.vendor == "sqlite":
            raise ValidationError(
                _("Proxies cannot write to accweb's SQLite database. Use PostgreSQL, or add a source of kind database.")
            )

    @property
    def accepts_everybody(self) -> bool:
        """Whether it listens, and its settings let every address send."""
        try:
            allowed = self.parsed_settings().allowed
        except SettingsError:
            return False
        return any(one.network is not None and not one.network.prefixlen and not one.host for one in allowed)

    def parsed_settings(self) -> Settings:
        """Return the typed settings; raise ``SettingsError``."""
        return KINDS[self.kind].parse(sealed_settings(self.kind, self.settings))


def sealed_settings(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with every plain-text secret encrypted."""
    declared = KINDS[kind].declared() if kind in KINDS else {}
    return {
        name: {"sealed": seal(value)}
        if name in declared and declared[name].secret and is_plain_secret(value)
        else value
        for name, value in settings.items()
    }


def secrets_to_enter_again(
    kind: str, before: dict[str, Any], after: dict[str, Any], entered: Collection[str]
) -> list[str]:
    """Return the stored secrets that must be entered again, because they would be sent to another target."""
    kind_settings = KINDS[kind]
    stored = [name for name, setting in kind_settings.declared().items() if setting.secret and before.get(name)]
    if not any(
        _typed(kind_settings, name, before) != _typed(kind_settings, name, after) for name in kind_settings.target
    ):
        return []
    return [name for name in stored if name not in entered and after.get(name)]


def deletes_more(kind: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Tell whether a database source is to delete rows once they are read, and this was not said of the same before."""
    is_same = {**before, "late_seconds": 0} == {**after, "late_seconds": 0}
    moves = after.get("move") not in (None, "", False) and _typed(KINDS[kind], "move", after)
    return kind == Source.Kind.DATABASE and bool(moves) and not is_same


def missing_senders(kind: str, settings: dict[str, Any], proxy: Proxy) -> str:
    """Return the setting that must say who may send to a listener; nothing where that is known, or none listens."""
    name = KINDS[kind].senders_setting
    return "" if not name or settings.get(name) or proxy.sender_addresses else name


def _typed(kind_settings: type[Settings], name: str, values: dict[str, Any]) -> Any:
    value = values.get(name)
    try:
        return kind_settings.default(name) if value in (None, "") else kind_settings.declared()[name].read(value)
    except ValueError:
        return value


def reveal(secret: Secret) -> bytes:
    """Return a secret in plain text, for use only, never for display; raise ``LookupError`` with the remedy."""
    if secret.variable:
        value = os.environ.get(secret.variable, "")
        if not value:
            raise LookupError(f"the environment variable {secret.variable} is not set; set it for `up` or `collect`")
        return value.encode()
    try:
        return unseal(secret.sealed).encode()
    except Unreadable as error:
        raise LookupError(f"a secret cannot be read: {error}") from error
