from __future__ import annotations

from datetime import timedelta

import pytest

from cdr.models import Source
from cdr.monitoring.next_steps import next_steps
from proxyconf.models import Proxy, Revision
from proxyconf.models.profile import save_profile, suggested
from proxyconf.models.revision import publish
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_event, make_proxy

pytestmark = pytest.mark.django_db


@pytest.fixture
def published() -> Proxy:
    proxy = make_proxy("edge")
    publish(save_profile(proxy, suggested(proxy, [Backend.SYSLOG])), by=None)
    return proxy


def states(proxy: Proxy) -> list[str]:
    return [step.state.value for step in next_steps(proxy)]


def test_installing_the_files_comes_first(published: Proxy) -> None:
    assert states(published) == ["current", "open", "open", "open"]


def test_a_source_that_is_there_is_done(published: Proxy) -> None:
    Source.objects.create(proxy=published, name="log", kind=Source.Kind.SYSLOG)
    assert states(published) == ["current", "done", "open", "open"]


def test_an_event_after_publishing_shows_that_the_files_are_installed(published: Proxy) -> None:
    source = Source.objects.create(proxy=published, name="log", kind=Source.Kind.SYSLOG)
    when = Revision.objects.get().created_at
    make_event(proxy=published, source=source, time=when, received_at=when - timedelta(hours=1))
    assert states(published)[0] == "current"
    make_event(
        proxy=published, source=source, time=when + timedelta(seconds=1), received_at=when + timedelta(seconds=2)
    )
    assert states(published)[:3] == ["done", "done", "done"]
    assert states(published)[3] in ("done", "problem")
