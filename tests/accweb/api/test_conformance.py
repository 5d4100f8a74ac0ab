"""Every address answers as the schema says, whatever it is asked, over the recorded calls.

schemathesis makes the questions: such as the schema allows, and such as it does not. Half of those that name a thing
name one that there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.plugin import DjangoDbBlocker
from schemathesis.generation import GenerationMode

from accweb.api.schema import schema
from accweb.demo import load_demo
from accweb.web.tokens import SCOPES, new_token
from accweb.wsgi import application
from cdr.models import Call, ExportJob, Source
from proxyconf.models import Proxy
from proxyconf.models.profile import save_profile, suggested
from proxyconf.models.revision import publish
from proxyconf.simulate.flows import FLOWS
from proxyconf.vocabulary.layout import Backend
from tests.factories import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]
SECRET = "t0ken-of-kam1"
OF_SOURCE = {"Authorization": f"Bearer {SECRET}"}
QUESTIONS = 10
"""Of each sort to each operation."""


MEANT = {
    "proxy": "demo-kamailio",
    "not_proxy": ["demo-kamailio", "demo-opensips"],
    "source_ip": "192.0.2.0/24",
    "not_source_ip": ["2001:db8::1"],
    "between": ["4930,4989"],
    "not_between": ["4930,4989"],
    "any_extra": [""],  # which takes a range of 31 days at most
    "not_any_extra": [""],
    "group": ["account", "outcome"],
    "sort": "-calls",
    "flow": "busy",
    "profile": "published",
    "against": "draft",
}
"""Values of parameters that must name something, which no pattern tells."""

MEANT_IN_BODY = {
    "conditions": "state=completed&since=2026-05-01",
    "zone": "Europe/Berlin",
    "columns": ["id", "extra.a"],
    "flow": FLOWS["busy"].to_json(),
    "script": {"invite": {"account": ["syslog"]}},
}


class Api(NamedTuple):
    """The API as schemathesis sees it, the headers that show who asks, and values for the variables of paths."""

    loaded: Any
    headers: dict[str, str]
    known: dict[str, list[Any]]


@pytest.fixture(scope="module")
def api(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Api]:
    """The API over the recorded calls, a source with a secret, and a published profile."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)  # all requests are in this transaction
    with django_db_blocker.unblock(), transaction.atomic():
        load_demo()
        proxy = Proxy.objects.get(name="demo-kamailio")
        Source.objects.create(proxy=proxy, name="http", kind=Source.Kind.HTTP, settings={"token": SECRET})
        publish(save_profile(proxy, suggested(proxy, [Backend.SYSLOG, Backend.SQL])), by=None)
        user = User.objects.create_superuser("tester")
        make_exports(user)
        _, token = new_token(user, "conformance", list(SCOPES), expires_at=None, now=NOON)
        headers = {"Authorization": f"Bearer {token}"}
        known = {
            "calls": list(Call.objects.values_list("pk", flat=True)),
            "sources": list(Source.objects.values_list("pk", flat=True)),
            "proxies": list(Proxy.objects.values_list("name", flat=True)),
            "profiles": [proxy.name],
            "exports": list(ExportJob.objects.values_list("pk", flat=True)),
            "file": ["acc.cfg", "mysql.sql"],
        }
        loaded = schemathesis.openapi.from_wsgi("/api/v1/schema/", application, headers=headers)
        refused = loaded.config.checks.negative_data_rejection
        refused.expected_statuses = [*refused.expected_statuses, "413"]
        accepted = loaded.config.checks.positive_data_acceptance
        accepted.expected_statuses = [*accepted.expected_statuses, "422"]  # a report with more parts than may be
        yield Api(loaded, headers, known)
        transaction.set_rollback(True)
    for signal in signals:
        signal.connect(close_old_connections)


def make_exports(user: User) -> None:
    """Make finished exports, more than will be deleted."""
    for _ in range(3 * QUESTIONS):
        job = ExportJob.objects.create(
            user=user, format="csv", state=ExportJob.ExportState.DONE, size=3, finished_at=NOON, expires_at=NOON
        )
        job.chunks.create(position=0, data=b"id\n")


def operations() -> list[tuple[str, str]]:
    return [(method, path) for path, found in schema()["paths"].items() for method in found]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), operations())
@override_settings(API_RATE=1_000_000, API_RATE_UNKNOWN=1_000_000)
def test_every_answer_is_as_the_schema_says(method: str, path: str, mode: GenerationMode, api: Api) -> None:
    sort = path.split("/")[3]

    @settings(
        max_examples=QUESTIONS, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=api.loaded[path][method].as_strategy(generation_mode=mode), data=st.data())
    def ask(case: Any, data: st.DataObject) -> None:
        for name, value in MEANT.items():
            if mode.is_positive and name in (case.query or {}):
                case.query[name] = value
        if mode.is_positive and isinstance(case.body, dict):
            case.body |= {name: value for name, value in MEANT_IN_BODY.items() if name in case.body}
        if mode.is_positive and {"before", "updated_after"} <= set(case.query or {}):
            del case.query["before"]  # which cannot be asked together
        if case.path_parameters and mode.is_positive and data.draw(st.booleans()):
            case.path_parameters = {
                name: data.draw(st.sampled_from(api.known["file" if name == "file" else sort]))
                for name in case.path_parameters
            }
        case.call_and_validate(headers=OF_SOURCE if sort == "events" else api.headers)

    ask()
