"""Wiring only: settings, URLs, the Celery app, the processes of ``up``. No accounting knowledge."""

from accweb.celery import app as celery_app
from accweb.version import VERSION

__version__ = VERSION
__all__ = ["__version__", "celery_app"]
