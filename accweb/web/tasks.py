"""Periodic work on the audit log, by Celery's workers or the scheduler."""

from __future__ import annotations

import logging

from celery import shared_task

from accweb.web import audit_forwarding
from accweb.web.audit_chain import stored_head

logger = logging.getLogger(__name__)


@shared_task
def forward_audit_log() -> int:
    """Send new audit entries to the syslog server, where one is set; return how many."""
    return audit_forwarding.forward()


@shared_task
def log_audit_head() -> None:
    """Write the head of the audit log to the log, which whoever tampers with the database cannot change."""
    head = stored_head()
    if head.entry:
        logger.info("head of the audit log: %s", head)
