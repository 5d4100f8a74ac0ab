"""Validation of time zones."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


def validate_zone(value: str) -> None:
    """Raise ``ValidationError`` unless ``value`` names a time zone of the IANA database."""
    if value not in available_timezones():
        raise ValidationError(
            _("%(zone)r is not a valid time zone; use a name like Europe/Berlin or UTC"), params={"zone": value}
        )
