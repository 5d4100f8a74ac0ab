"""Why something was not sent: for now, for good, or because the schedule must stop."""

from __future__ import annotations


class DeliveryFailed(Exception):
    """It was not sent and may be tried again; the text says why, to the schedule's owner."""


class DeliveryRefused(DeliveryFailed):
    """It was not sent, and trying again would not help."""


class ScheduleMustStop(DeliveryFailed):
    """The owner may not send it any more."""
