"""The migration that gives saved views and chosen columns the names of today."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User

from cdr.models import ColumnChoice, SavedView
from cdr.queries.names import OLD_COLUMNS, OLD_PARAMETERS

pytestmark = pytest.mark.django_db
migration = import_module("cdr.migrations.0010_one_name_per_field")


def test_saved_views_and_columns_get_the_names_of_today() -> None:
    ann = User.objects.create_user("ann")
    query = "state=unanswered&code=486&not_source=192.0.2.7&columns=started%2Cwho%2Ccode%2Cextra.code"
    view = SavedView.objects.create(owner=ann, name="Busy", conditions=query)
    choice = ColumnChoice.objects.create(user=ann, columns=["started", "length", "extra.started"])
    migration.rename(apps, None)
    view.refresh_from_db()
    choice.refresh_from_db()
    assert view.conditions == (
        "state=unanswered&sip_code=486&not_source_ip=192.0.2.7&columns=started_at%2Cwho%2Csip_code%2Cextra.code"
    )
    assert choice.columns == ["started_at", "duration", "extra.started"]


def test_the_migration_knows_every_old_name() -> None:
    assert OLD_PARAMETERS == migration._PARAMETERS
    assert OLD_COLUMNS == migration._COLUMNS
