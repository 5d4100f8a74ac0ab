"""The Celery app."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accweb.settings")

app = Celery("accweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
