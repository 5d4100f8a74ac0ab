"""Periodic work of the frame."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.core.management import call_command

from accweb.web import throttle


@shared_task
def forget_expired(**_later: Any) -> int:
    """Delete counts of requests and sessions that have ended."""
    call_command("clearsessions")
    return throttle.forget_expired()
