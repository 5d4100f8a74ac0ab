"""A SIP proxy whose accounting is collected."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accweb.web.zones import validate_zone
from proxyconf.vocabulary.layout import FieldLayout
from proxyconf.vocabulary.products import Product, Version


def validate_version(value: str) -> None:
    """Raise ``ValidationError`` unless ``value`` is a version."""
    try:
        Version.parse(value)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def validate_layout(value: object) -> None:
    """Raise ``ValidationError`` unless ``value`` is a layout in the form of ``FieldLayout.to_json``."""
    try:
        FieldLayout.from_json(value)  # type: ignore[arg-type]  # from_json checks the type
    except (ValueError, AttributeError) as error:
        raise ValidationError(str(error)) from error


def validate_addresses(value: str) -> None:
    """Raise ``ValidationError`` unless ``value`` lists IP addresses and networks."""
    for item in split_addresses(value):
        try:
            ip_network(item, strict=False)
        except ValueError as error:
            raise ValidationError(
                _("%(item)s is not an IP address or network, such as 192.0.2.10 or 192.0.2.0/28.") % {"item": item}
            ) from error


def split_addresses(text: str) -> list[str]:
    return [item for item in re.split(r"[\s,]+", text) if item]


class Proxy(models.Model):
    """A SIP proxy whose accounting is collected.

    ``timezone`` is the time zone of the proxy's clock; its SQL ``time`` columns do not contain one. Proxies of one
    ``cluster`` report parts of the same calls; proxies of different clusters never share a call. ``max_call`` is the
    longest plausible call duration: an answered call without STOP is shown as No STOP after it. ``addresses`` are
    those that it sends from; listeners accept no others unless their settings name them.
    """

    name = models.CharField(
        max_length=64,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", _("Use letters, digits, dot, dash, underscore."))],
    )
    product = models.CharField(max_length=16, choices=[(p.value, p.label) for p in Product], default=Product.KAMAILIO)
    version = models.CharField(max_length=16, default="5.6", validators=[validate_version])
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    cluster = models.CharField(max_length=64, blank=True, default="")
    max_call = models.DurationField(default=timedelta(hours=4))
    addresses = models.CharField(max_length=1024, blank=True, default="", validators=[validate_addresses])
    layout = models.JSONField(default=dict, blank=True, validators=[validate_layout])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "proxies"
        constraints = [
            models.CheckConstraint(condition=models.Q(max_call__gt=timedelta(0)), name="proxy_max_call_positive")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def release(self) -> str:
        return f"{Product(self.product).label} {self.version}"

    @property
    def sender_addresses(self) -> list[str]:
        return split_addresses(self.addresses)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def field_layout(self) -> FieldLayout:
        return FieldLayout.from_json(self.layout)
