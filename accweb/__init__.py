"""Wiring only: settings, URLs, the Celery app, the processes of ``up``. No accounting knowledge."""

from accweb.celery import app as celery_app

__version__ = "0.9.0"
__all__ = ["__version__", "celery_app"]
