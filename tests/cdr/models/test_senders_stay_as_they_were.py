"""The migration that keeps listeners open that accepted everybody."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from cdr.models import Source
from tests.factories import make_source

migration = import_module("cdr.migrations.0016_senders_stay_as_they_were")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [Source.Kind.SYSLOG, Source.Kind.EVENTS, Source.Kind.DIAMETER], ids=str)
def test_a_listener_without_senders_goes_on_accepting_everybody(kind: str) -> None:
    opened = make_source(name="open", kind=kind)
    narrow = make_source(name="narrow", kind=kind, settings={"senders": ["10.0.0.1"]})
    migration.name_everybody(apps, None)
    opened.refresh_from_db()
    narrow.refresh_from_db()
    assert opened.accepts_everybody
    assert narrow.settings == {"senders": ["10.0.0.1"]}
    assert not narrow.accepts_everybody
