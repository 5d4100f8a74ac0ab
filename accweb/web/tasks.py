"""Periodic tasks for sessions, limits and the audit log."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.core.management import call_command

from accweb.web import audit_forwarding, throttle
from accweb.web.audit_chain import stored_head

logger = logging.getLogger(__name__)


@shared_task
def forget_expired(**_later: Any) -> int:
    """Delete expired counts of requests and expired sessions."""
    call_command("clearsessions")
    return throttle.forget_expired()


@shared_task
def forward_audit_log() -> int:
    """Send new audit entries to the syslog server, if one is configured; return how many."""
    return audit_forwarding.forward()


@shared_task
def log_audit_head() -> None:
    """Write the head of the audit log to the log, which cannot be changed through the database."""
    head = stored_head()
    if head.entry:
        logger.info("head of the audit log: %s", head)
