"""Check the stored secrets, and encrypt them with a new key."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandParser
from django.db import models, transaction

from accweb.web.audit import Action, record_command
from proxyconf.models.sealing import REMEDY, resealed, unreadable

_STORED = (
    ("cdr.Source", "settings"),
    ("proxyconf.Profile", "options"),
    ("proxyconf.Profile", "other_parameters"),
    ("proxyconf.Revision", "profile"),
    ("proxyconf.ImportedConfiguration", "files"),
    ("mfa.Authenticator", "data"),
)
"""The fields that hold secrets, by model."""


class Command(BaseCommand):
    help = (
        "Check whether all stored secrets can be decrypted, or encrypt them with the current SECRET_KEY: set a new key "
        "as SECRET_KEY, the former one as SECRET_KEY_FALLBACKS, run `secrets rotate`, and remove the former key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="check|rotate")
        actions.add_parser("check", help="name the secrets that no key fits; status 1 if there are any")
        actions.add_parser("rotate", help="encrypt all secrets with SECRET_KEY, and check them")

    def handle(self, *, action: str, **options: Any) -> None:
        if action == "rotate":
            count = sum(_rotate(model, field) for model, field in _fields())
            record_command("secrets rotate", Action.CHANGED, "stored secrets", count=count)
            self.stdout.write(f"encrypted with SECRET_KEY: the secrets in {count} fields")
        lost = [line for model, field in _fields() for line in _lost(model, field)]
        for line in lost:
            self.stdout.write(line)
        if lost:
            self.stderr.write(f"{len(lost)} secrets cannot be read: {REMEDY}")
            sys.exit(1)
        if action == "check":
            self.stdout.write("all stored secrets can be decrypted")


def _fields() -> Iterator[tuple[type[models.Model], str]]:
    for name, field in _STORED:
        app = name.partition(".")[0]
        if app in apps.app_configs:
            yield apps.get_model(name), field


def _rotate(model: type[models.Model], field: str) -> int:
    """Encrypt the secrets of a field anew; return in how many rows there were some."""
    count = 0
    for pk in model._default_manager.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():  # a row that is changed at this moment keeps its change
            row = model._default_manager.select_for_update().filter(pk=pk)
            for value in row.values_list(field, flat=True):
                renewed = resealed(value)
                if renewed != value:
                    count += row.update(**{field: renewed})
    return count


def _lost(model: type[models.Model], field: str) -> Iterator[str]:
    for row in model._default_manager.order_by("pk").iterator():
        for name in unreadable(getattr(row, field), field):
            yield f"{model._meta.verbose_name} {row}: {name} was encrypted with another key"
