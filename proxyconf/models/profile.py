"""The draft of a proxy's accounting, which the form edits until it is published."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, transaction

from proxyconf.models.fields import ExtraField, FieldRow, LegField
from proxyconf.models.proxy import Proxy
from proxyconf.models.sealing import (
    REMEDY,
    sealed_options,
    sealed_parameters,
    unsealed_options,
    unsealed_parameters,
)
from proxyconf.profile import AccountingProfile
from proxyconf.vocabulary.products import Product, Version

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

Row = TypeVar("Row", bound=FieldRow)

log = logging.getLogger(__name__)

_STORED = ("backends", "flags", "do_accounting", "options", "other_parameters", "macros")
_OPTIONAL_CHOICES = ("role", "radius_type")  # unset is null in a profile's JSON, and empty in a row


class Profile(models.Model):
    """The draft profile of a proxy; product and version are those of the proxy.

    ``backends``, ``flags``, ``do_accounting``, ``options``, ``other_parameters`` and ``macros`` hold the members of the
    same name of ``AccountingProfile.to_json``, with passwords encrypted; its fields are ``ExtraField`` and ``LegField``
    rows. ``flags_elsewhere`` are the flag numbers that the proxy's script uses for other purposes.
    """

    proxy = models.OneToOneField(Proxy, on_delete=models.CASCADE, related_name="profile")
    backends = models.JSONField(default=list, blank=True)
    flags = models.JSONField(default=dict, blank=True)
    do_accounting = models.JSONField(default=dict, blank=True)
    options = models.JSONField(default=dict, blank=True)
    other_parameters = models.JSONField(default=list, blank=True)
    macros = models.JSONField(default=dict, blank=True)
    flags_elsewhere = models.JSONField(default=list, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    if TYPE_CHECKING:
        extra_fields: RelatedManager[ExtraField]
        leg_fields: RelatedManager[LegField]

    class Meta:
        ordering = ["proxy__name"]
        permissions = [("publish_profile", "Can publish profile")]

    def __str__(self) -> str:
        return str(self.proxy)


def profile_of(model: Profile) -> AccountingProfile:
    """Return the stored draft as an ``AccountingProfile``.

    A password that was encrypted with another key is omitted and logged.
    """
    extras, legs = list(model.extra_fields.all()), list(model.leg_fields.all())
    fields = {
        "extras": [row.to_json() for row in extras if not row.of_dialog],
        "legs": [row.to_json() for row in legs if not row.of_dialog],
        "cdr_extras": [row.to_json() for row in extras if row.of_dialog],
        "cdr_legs": [row.to_json() for row in legs if row.of_dialog],
    }
    stored = {name: getattr(model, name) for name in _STORED} | fields
    return AccountingProfile.from_json(unsealed(stored, str(model.proxy)) | release_of(model.proxy))


def save_profile(proxy: Proxy, value: AccountingProfile, flags_elsewhere: Iterable[int] | None = None) -> Profile:
    """Store ``value`` as the draft of ``proxy``, replacing the previous one; its product and version are not stored."""
    data = sealed(value.to_json())
    columns = {name: data[name] for name in _STORED}
    if flags_elsewhere is not None:
        columns["flags_elsewhere"] = sorted(flags_elsewhere)
    with transaction.atomic():
        model, _ = Profile.objects.update_or_create(proxy=proxy, defaults=columns)
        model.extra_fields.all().delete()
        model.leg_fields.all().delete()
        ExtraField.objects.bulk_create(_rows(ExtraField, model, data["extras"], data["cdr_extras"]))
        LegField.objects.bulk_create(_rows(LegField, model, data["legs"], data["cdr_legs"]))
    return model


def release_of(proxy: Proxy) -> dict[str, str]:
    """Return product and version of a proxy in the form of a profile's JSON."""
    return {"product": proxy.product, "version": proxy.version}


def suggested(proxy: Proxy, backends: Iterable[Any]) -> AccountingProfile:
    """Return the initial profile of a proxy that writes to ``backends``."""
    return AccountingProfile.suggested(Product(proxy.product), Version.parse(proxy.version), backends)


def sealed(data: dict[str, Any]) -> dict[str, Any]:
    """Return a profile's JSON with its passwords encrypted, ready to be stored."""
    return data | {
        "options": sealed_options(data["options"]),
        "other_parameters": sealed_parameters(data["other_parameters"]),
    }


def unsealed(data: dict[str, Any], owner: str) -> dict[str, Any]:
    """Decrypt the passwords of a profile's JSON; omit those that cannot be decrypted, and log them with ``owner``."""
    options, lost = unsealed_options(data["options"])
    parameters, also_lost = unsealed_parameters(data["other_parameters"])
    for name in (*lost, *also_lost):
        log.error("profile of %s: %s was encrypted with another SECRET_KEY: %s", owner, name, REMEDY)
    return data | {"options": options, "other_parameters": parameters}


def _rows(row_class: type[Row], model: Profile, of_events: list[Any], of_dialogs: list[Any]) -> list[Row]:
    return [
        row_class(
            profile=model,
            position=position,
            of_dialog=of_dialog,
            **field | {key: field[key] or "" for key in _OPTIONAL_CHOICES},
        )
        for fields, of_dialog in ((of_events, False), (of_dialogs, True))
        for position, field in enumerate(fields)
    ]
