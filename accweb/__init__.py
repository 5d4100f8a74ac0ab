"""Wiring only: settings, URLs, the Celery app, the processes of ``up``. No accounting knowledge."""

from accweb.celery import app as celery_app
from accweb.version import VERSION as __version__

__all__ = ["__version__", "celery_app"]
