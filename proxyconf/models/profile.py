"""The draft of a proxy's accounting: what the form edits until it is published."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, transaction

from proxyconf.models.fields import ExtraField, FieldRow, LegField
from proxyconf.models.proxy import Proxy
from proxyconf.models.sealing import (
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
_CHOSEN = ("role", "radius_type")  # nothing chosen is null in a profile's JSON, and empty in a row


class Profile(models.Model):
    """The accounting that one proxy shall do; product and version are the proxy's.

    ``backends``, ``flags``, ``do_accounting``, ``options``, ``other_parameters`` and ``macros`` hold the members of the
    same name of ``AccountingProfile.to_json``, passwords sealed; its fields are ``ExtraField`` and ``LegField`` rows.
    ``flags_elsewhere`` are the flag numbers that the proxy's script uses for other things.
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
    """Return the stored draft as the value that checks and rendering take.

    A password that was sealed with another key is left out, and the log says so.
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
    """Store ``value`` as the draft of ``proxy`` in place of the one before; its product and version are the proxy's."""
    data = sealed(value.to_json())
    wanted = {name: data[name] for name in _STORED}
    if flags_elsewhere is not None:
        wanted["flags_elsewhere"] = sorted(flags_elsewhere)
    with transaction.atomic():
        model, _ = Profile.objects.update_or_create(proxy=proxy, defaults=wanted)
        model.extra_fields.all().delete()
        model.leg_fields.all().delete()
        ExtraField.objects.bulk_create(_rows(ExtraField, model, data["extras"], data["cdr_extras"]))
        LegField.objects.bulk_create(_rows(LegField, model, data["legs"], data["cdr_legs"]))
    return model


def release_of(proxy: Proxy) -> dict[str, str]:
    """Return product and version of a proxy as a profile's JSON has them."""
    return {"product": proxy.product, "version": proxy.version}


def suggested(proxy: Proxy, backends: Iterable[Any]) -> AccountingProfile:
    """Return the profile to start from for a proxy that is to write to ``backends``."""
    return AccountingProfile.suggested(Product(proxy.product), Version.parse(proxy.version), backends)


def sealed(data: dict[str, Any]) -> dict[str, Any]:
    """Return a profile's JSON with the passwords in it encrypted, as it may be stored."""
    return data | {
        "options": sealed_options(data["options"]),
        "other_parameters": sealed_parameters(data["other_parameters"]),
    }


def unsealed(data: dict[str, Any], of: str) -> dict[str, Any]:
    """Return what ``sealed`` was given; what cannot be read any more is left out, and the log names it and ``of``."""
    options, lost = unsealed_options(data["options"])
    parameters, also_lost = unsealed_parameters(data["other_parameters"])
    for name in (*lost, *also_lost):
        log.error("profile of %s: %s was encrypted with another SECRET_KEY: enter it again", of, name)
    return data | {"options": options, "other_parameters": parameters}


def _rows(kind: type[Row], model: Profile, of_events: list[Any], of_dialogs: list[Any]) -> list[Row]:
    lists = ((of_events, False), (of_dialogs, True))
    return [
        kind(profile=model, position=position, of_dialog=of_dialog, **one | {key: one[key] or "" for key in _CHOSEN})
        for rows, of_dialog in lists
        for position, one in enumerate(rows)
    ]
