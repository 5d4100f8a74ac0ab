"""No address answers with an error of the server, whatever its parameters say."""

from __future__ import annotations

import re
from html import unescape
from itertools import product
from random import Random
from urllib.parse import urlencode, urljoin

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdr.models import Call, Source
from cdr.queries.filters import CallFilter
from proxyconf.models.profile import save_profile, suggested
from proxyconf.models.revision import publish
from proxyconf.vocabulary.layout import Backend
from tests.addresses import all_names
from tests.factories import make_call, make_event, make_proxy, make_rejected, make_source

pytestmark = pytest.mark.django_db

ARGUMENTS = {
    "cdr:health-proxy": ["kam1"],
    "proxyconf:compare": ["kam1"],
    "proxyconf:edit": ["kam1"],
    "proxyconf:import": ["kam1"],
    "proxyconf:profile": ["kam1"],
    "proxyconf:publish": ["kam1"],
    "proxyconf:revisions": ["kam1"],
    "proxyconf:start": ["kam1"],
    "proxyconf:zip": ["kam1"],
}
OF_A_CALL = {"cdr:call", "cdr:call-inside", "cdr:call-ladder"}
OF_A_SCHEDULE = {"cdr:schedule", "cdr:schedule-deed", "cdr:run-again"}
PLAIN = sorted(
    name
    for name in all_names()
    if name.startswith(("cdr:", "api:cdr:"))
    and not name.endswith(("-file", "-cancel", "-delete", "-notes", "-revoke", "-settlement", "call", "call-events"))
    and name
    not in OF_A_CALL | {"cdr:change-view", "cdr:health-replay", "cdr:health-reread", *ARGUMENTS, *OF_A_SCHEDULE}
)
ADMIN = (
    "admin:auth_user_changelist",
    "admin:cdr_event_changelist",
    "admin:cdr_rejected_changelist",
    "admin:cdr_source_changelist",
    "admin:proxyconf_proxy_changelist",
    "admin:accweb_auditentry_changelist",
)
FIRST, LAST = "0001-01-01", "9999-12-31"
NUMBERS = ["9" * 5000, "-1", "0", "1e400", "nan", "inf", "-" + "9" * 400, "9" * 20, "²", "٣", "1_0", "0x10"]
MOMENTS = [
    FIRST, LAST, f"{FIRST}T00:00:00", f"{LAST}T23:59:59.999999", f"{FIRST}T00:00:00+14:00", f"{LAST}T23:59:59-14:00",
    "0001-01-02T00:00Z", "9999-12-30T23:00Z", "2026-02-30", "-0001-01-01", "10000-01-01",
]  # fmt: skip
ZONES = ["Asia/Kolkata", "Pacific/Kiritimati", "America/Adak", "../etc/passwd", "Europe", "x" * 300, "\0"]
WORDS = [
    "all",
    "custom",
    "this_month",
    "hour",
    "csv",
    "kam1",
    "*" * 30,
    "=",
    "%",
    "'",
    "\\",
    "\ud800",
    "\0",
    "x" * 2000,
]
OTHERS = [
    "after", "before", "page", "p", "o", "e", "all", "format", "columns", "cursor", "newest", "step", "zone", "read_in",
    "q", "limit", "page_size", "ordering", "first", "second", "file", "kind", "proxy", "next", "updated_since", "group",
    "id__exact", "source__id__exact", "source__id__in", "state__exact", "since__gte", "at__gte", "extra.gw",
    "not_extra.x", "by", "top", "interval",
]  # fmt: skip
PARAMETERS = sorted({*CallFilter.get_filters(), *OTHERS})


@st.composite
def queries(draw: st.DrawFn) -> str:
    value = st.one_of(st.sampled_from([*NUMBERS, *MOMENTS, *ZONES, *WORDS]), st.text(max_size=20))
    names = st.one_of(st.sampled_from(PARAMETERS), st.sampled_from(["since", "until", "zone", "period"]))
    pairs = draw(st.lists(st.tuples(names, value), min_size=1, max_size=4))
    return urlencode(pairs, errors="surrogatepass")


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    client.raise_request_exception = False
    proxy = make_proxy(name="kam1")
    make_source(proxy=proxy)
    make_event()
    make_rejected()
    make_call(pk=1, started_at=timezone.now())
    publish(save_profile(proxy, suggested(proxy, [Backend.SYSLOG])), by=None)
    return client


def address(name: str) -> str:
    return reverse(name, args=ARGUMENTS.get(name, [1] if name in OF_A_CALL else []))


@pytest.mark.thorough
@pytest.mark.parametrize("name", [*PLAIN, *sorted(OF_A_CALL), *ARGUMENTS, *ADMIN])
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(query=queries())
def test_no_parameter_makes_a_page_fail(admin: Client, name: str, query: str) -> None:
    assert admin.get(f"{address(name)}?{query}").status_code < 500


@pytest.mark.parametrize("name", ["cdr:start", "cdr:busiest", "cdr:call-list", "cdr:histogram", "cdr:export-new"])
def test_no_moment_of_the_calendar_makes_a_page_fail(admin: Client, name: str) -> None:
    for parameter, moment, zone in product(("since", "until"), MOMENTS, ZONES[:3]):
        query = urlencode({parameter: moment, "zone": zone})
        assert admin.get(f"{address(name)}?{query}").status_code < 500, query


FORMS = {
    "call": "/calls/1/",
    "export": "/exports/new/",
    "account": "/account/",
    "tokens": "/account/tokens/",
    "profile": "/configuration/kam1/edit/",
    "publish": "/configuration/kam1/publish/",
    "revisions": "/configuration/kam1/revisions/",
    "proxy": "/admin/proxyconf/proxy/add/",
    "user": "/admin/auth/user/add/",
    **{f"source {kind}": f"/admin/cdr/source/add/?kind={kind}" for kind in Source.Kind.values},
}


VALUES = [*NUMBERS, *MOMENTS, "\0", "\ud800", "٣"]


@pytest.mark.thorough
@pytest.mark.parametrize("page", FORMS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(choose=st.randoms(use_true_random=False), value=st.sampled_from(VALUES), every=st.booleans())
def test_no_value_in_a_form_makes_the_server_fail(
    admin: Client, page: str, choose: Random, value: str, every: bool
) -> None:
    Call.objects.filter(pk=1).update(state="stop_missing", ended_at=None)
    for attributes, inside in re.findall(r"<form\b([^>]*)>(.*?)</form>", admin.get(FORMS[page]).text, re.DOTALL):
        action = re.search(r'action="([^"]*)"', attributes)
        target = urljoin(FORMS[page], unescape(action[1])) if action else FORMS[page]
        names = sorted(set(re.findall(r'<(?:input|select|textarea)\b[^>]*?\bname="([^"]+)"', inside)))
        if "logout" in target or not names:
            continue
        hostile = names if every else [choose.choice(names)]
        data = dict.fromkeys(names, "1") | dict.fromkeys(hostile, value.encode(errors="surrogatepass"))
        assert admin.post(target, data).status_code < 500, (target, hostile, value[:20])
