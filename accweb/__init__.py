"""Wiring only: settings, addresses, the Celery app, the pages' frame. No accounting knowledge."""

from accweb.celery import app as celery_app

__all__ = ["celery_app"]
