"""Every address and every role: who is let in. An address that is missing here fails, so that none opens unseen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accweb.web.audit import Action, record_of
from accweb.web.models import ApiToken, AuditEntry
from accweb.web.roles import ADMINISTRATOR, ANALYST, OPERATOR, ROLES, VIEWER
from cdr.delivery.sending import send_now
from cdr.models import ExportJob, SavedView
from proxyconf.models import Profile
from proxyconf.models.imported import RawFile, store_imported
from proxyconf.models.profile import save_profile, suggested
from proxyconf.models.revision import publish
from proxyconf.vocabulary.layout import Backend
from tests.addresses import all_names
from tests.attack.test_second_factor import SECOND_FACTOR_PAGES
from tests.factories import make_call, make_event, make_proxy, make_rejected, make_schedule

pytestmark = pytest.mark.django_db

ANONYMOUS, NOBODY = "anonymous", "nobody"  # not logged in; logged in, in no group
ALL = (ANONYMOUS, NOBODY, VIEWER, ANALYST, OPERATOR, ADMINISTRATOR)
LOGGED_IN = ALL[1:]
EVERYBODY_WITH_A_ROLE = ALL[2:]
ANALYSTS = (ANALYST, ADMINISTRATOR)
OPERATORS = (OPERATOR, ADMINISTRATOR)
ADMINISTRATORS = (ADMINISTRATOR,)
NOT_VIEWERS = (ANALYST, OPERATOR, ADMINISTRATOR)
NO_ONE: tuple[str, ...] = ()

WHO: dict[str, tuple[str, Sequence[str]]] = {
    # monitoring and what has no secrets
    "healthz": ("get", ALL),
    "metrics": ("get", ALL),
    "admin:login": ("get", ALL),
    "admin:logout": ("post", ALL),
    "admin:jsi18n": ("get", LOGGED_IN),
    "admin:password_change": ("get", LOGGED_IN),
    "admin:password_change_done": ("get", LOGGED_IN),
    "admin:search": ("get", LOGGED_IN),
    # one's own
    "account": ("get", LOGGED_IN),
    "tokens": ("get", LOGGED_IN),
    "token-revoke": ("post", LOGGED_IN),
    "locked-logins": ("get", ADMINISTRATORS),
    "own-password": ("get", LOGGED_IN),
    "sessions": ("get", LOGGED_IN),
    "mfa_index": ("get", LOGGED_IN),
    "account_login": ("get", ALL),
    "socialaccount_login_cancelled": ("get", ALL),
    # calls
    "cdr:start": ("get", EVERYBODY_WITH_A_ROLE),
    "cdr:call-list": ("get", EVERYBODY_WITH_A_ROLE),
    "cdr:call": ("get", EVERYBODY_WITH_A_ROLE),
    "cdr:call-ladder": ("get", EVERYBODY_WITH_A_ROLE),
    "cdr:histogram": ("get", EVERYBODY_WITH_A_ROLE),
    "cdr:busiest": ("get", EVERYBODY_WITH_A_ROLE),
    "cdr:trends": ("get", EVERYBODY_WITH_A_ROLE),
    "cdr:call-inside": ("get", EVERYBODY_WITH_A_ROLE),
    "cdr:new-calls": ("get", EVERYBODY_WITH_A_ROLE),
    "cdr:compare-calls": ("get", EVERYBODY_WITH_A_ROLE),
    "cdr:set-ends": ("get", ANALYSTS),
    "cdr:choose-columns": ("post", EVERYBODY_WITH_A_ROLE),
    "cdr:save-view": ("post", EVERYBODY_WITH_A_ROLE),
    "cdr:change-view": ("post", EVERYBODY_WITH_A_ROLE),
    "cdr:report": ("get", EVERYBODY_WITH_A_ROLE),
    "cdr:report-file": ("get", ANALYSTS),
    "cdr:schedules": ("get", ANALYSTS),
    "cdr:schedule-new": ("get", ANALYSTS),
    "cdr:schedule": ("get", ANALYSTS),
    "cdr:schedule-deed": ("post", ANALYSTS),
    "cdr:run-again": ("post", ANALYSTS),
    "cdr:call-notes": ("post", ANALYSTS),
    "cdr:call-settlement": ("post", ANALYSTS),
    "cdr:call-settlement-revoke": ("post", ANALYSTS),
    # exports
    "cdr:exports": ("get", ANALYSTS),
    "cdr:export-new": ("get", ANALYSTS),
    "cdr:export-file": ("get", ANALYSTS),
    "cdr:export-cancel": ("post", ANALYSTS),
    "cdr:export-delete": ("post", ANALYSTS),
    # health
    "cdr:health": ("get", OPERATORS),
    "cdr:health-proxy": ("get", OPERATORS),
    "cdr:health-replay": ("post", OPERATORS),
    "cdr:health-reread": ("post", OPERATORS),
    # configuration
    "proxyconf:profiles": ("get", OPERATORS),
    "proxyconf:profile": ("get", OPERATORS),
    "proxyconf:start": ("post", OPERATORS),
    "proxyconf:edit": ("get", OPERATORS),
    "proxyconf:preview": ("post", OPERATORS),
    "proxyconf:import": ("get", OPERATORS),
    "proxyconf:try": ("get", OPERATORS),
    "proxyconf:patch": ("get", OPERATORS),
    "proxyconf:patch-file": ("get", OPERATORS),
    "proxyconf:patch-applied": ("post", OPERATORS),
    "proxyconf:fix": ("post", OPERATORS),
    "proxyconf:publish": ("get", OPERATORS),
    "proxyconf:token": ("post", OPERATORS),
    "proxyconf:zip": ("get", OPERATORS),
    "proxyconf:file": ("get", OPERATORS),
    "proxyconf:revisions": ("get", OPERATORS),
    "proxyconf:compare": ("get", OPERATORS),
    "proxyconf:revision": ("get", OPERATORS),
    "proxyconf:restore": ("post", OPERATORS),
    "proxyconf:revision-zip": ("get", OPERATORS),
    "proxyconf:revision-file": ("get", OPERATORS),
    "proxyconf:fetch-zip": ("get", NO_ONE),  # by the proxy's own token alone
    "proxyconf:fetch": ("get", NO_ONE),
    # the API
    "api:root": ("get", LOGGED_IN),
    "api:me": ("get", LOGGED_IN),
    "api:version": ("get", LOGGED_IN),
    "api:schema": ("get", LOGGED_IN),
    "api:docs": ("get", LOGGED_IN),
    "api:events": ("post", NO_ONE),  # by a source's own token alone
    "api:calls": ("get", EVERYBODY_WITH_A_ROLE),
    "api:call": ("get", EVERYBODY_WITH_A_ROLE),
    "api:call-events": ("get", EVERYBODY_WITH_A_ROLE),
    "api:call-revisions": ("get", EVERYBODY_WITH_A_ROLE),
    "api:statistics": ("get", EVERYBODY_WITH_A_ROLE),
    "api:statistics-series": ("get", EVERYBODY_WITH_A_ROLE),
    "api:reports": ("get", EVERYBODY_WITH_A_ROLE),
    "api:exports": ("get", ANALYSTS),
    "api:export": ("get", ANALYSTS),
    "api:export-file": ("get", ANALYSTS),
    "api:sources": ("get", OPERATORS),
    "api:source": ("get", OPERATORS),
    "api:proxies": ("get", OPERATORS),
    "api:proxy": ("get", OPERATORS),
    "api:profiles": ("get", OPERATORS),
    "api:profile": ("get", OPERATORS),
    "api:profile-revisions": ("get", OPERATORS),
    "api:profile-flows": ("get", OPERATORS),
    "api:profile-simulation": ("post", OPERATORS),
    "api:profile-artefacts": ("get", OPERATORS),
    "api:profile-artefact": ("get", OPERATORS),
}

# The admin's pages of a model: who may see it, add one, change one, delete one.
MODELS: dict[str, tuple[Sequence[str], Sequence[str], Sequence[str], Sequence[str]]] = {
    "cdr_source": (OPERATORS, OPERATORS, OPERATORS, OPERATORS),
    "cdr_event": (NOT_VIEWERS, NO_ONE, NO_ONE, NO_ONE),
    "cdr_rejected": (OPERATORS, NO_ONE, NO_ONE, NO_ONE),
    "proxyconf_proxy": (OPERATORS, OPERATORS, OPERATORS, OPERATORS),
    "auth_user": (ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS),
    "auth_group": (ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS, ADMINISTRATORS),
    "accweb_apitoken": (ADMINISTRATORS, NO_ONE, NO_ONE, ADMINISTRATORS),
    "accweb_auditentry": (ADMINISTRATORS, NO_ONE, NO_ONE, NO_ONE),
}
for _model, (_see, _add, _change, _delete) in MODELS.items():
    WHO[f"admin:{_model}_changelist"] = ("get", _see)
    WHO[f"admin:{_model}_change"] = ("get", _see)
    WHO[f"admin:{_model}_history"] = ("get", _see)
    WHO[f"admin:{_model}_add"] = ("get", _add)
    WHO[f"admin:{_model}_delete"] = ("get", _delete)
WHO["admin:auth_user_password_change"] = ("get", ADMINISTRATORS)

# They lead elsewhere or ask for what a form of the admin fills in, and show nothing themselves.
LEAD_ON = {
    "None",
    "admin:None",
    "admin:index",
    "admin:app_list",
    "admin:autocomplete",
    "admin:view_on_site",
    # to the login, to its end, or to a confirmation that it is oneself: tests/attack/test_second_factor.py
    "account_logout",
    "account_reauthenticate",
    "openid_connect_login",
    "openid_connect_callback",
    "mfa_login_webauthn",
    "mfa_authenticate",
    *(f"mfa_{name}" for name in SECOND_FACTOR_PAGES),
}


def test_every_address_is_in_the_table_and_nothing_else() -> None:
    assert all_names() == set(WHO) | LEAD_ON


@pytest.fixture
def arguments() -> dict[str, list[Any]]:
    """What the addresses that name something name: each exists."""
    proxy = make_proxy("edge-1")
    save_profile(proxy, suggested(proxy, [Backend.SYSLOG]))
    store_imported(proxy, [RawFile("kamailio.cfg", b'modparam("acc", "log_flag", 20)\n')], ())
    publish(Profile.objects.get(proxy=proxy), by=None)
    call = make_call(proxies=["edge-1"])
    event = make_event(proxy=proxy, call_id=call.call_id)
    rejected = make_rejected()
    other = User.objects.create_user("other")
    token = ApiToken.objects.create(user=other, name="theirs", prefix="accweb_x", digest="1")
    admin = {
        "cdr_source": event.source_id,
        "cdr_event": event.pk,
        "cdr_rejected": rejected.pk,
        "proxyconf_proxy": proxy.pk,
        "auth_user": other.pk,
        "auth_group": Group.objects.get(name=VIEWER).pk,
        "accweb_apitoken": token.pk,
    }
    found: dict[str, list[Any]] = {
        name: [admin[model]]
        for model in admin
        for name in WHO
        if name.startswith(f"admin:{model}_") and not name.endswith(("_changelist", "_add"))
    }
    of_calls, of_proxies = ("cdr:call-", "api:call-"), ("proxyconf:", "cdr:health-", "api:proxy", "api:profile")
    lists = ("cdr:call-list", "proxyconf:profiles", "api:proxies", "api:profiles")
    for name in WHO:
        if name in ("cdr:call", "api:call") or (name.startswith(of_calls) and name not in lists):
            found[name] = [call.pk]
        elif name.startswith(of_proxies) and name not in lists:
            found[name] = ["edge-1"]
    found["cdr:report-file"] = ["csv"]
    found["api:source"] = [event.source_id]
    for name in ("proxyconf:file", "proxyconf:fetch", "api:profile-artefact"):
        found[name] = ["edge-1", "acc.cfg"]
    for name in ("proxyconf:revision", "proxyconf:restore", "proxyconf:revision-zip"):
        found[name] = ["edge-1", 1]
    found["proxyconf:revision-file"] = ["edge-1", 1, "acc.cfg"]
    return found


def _client(role: str) -> tuple[Client, User | None]:
    if role == ANONYMOUS:
        return Client(), None
    user = User.objects.create_user(role, password="correct-horse-7", is_staff=True)
    if role in ROLES:
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client, user


def _own(name: str, user: User | None) -> list[Any] | None:
    """What one may name only if it is one's own."""
    if name == "token-revoke":
        owner = user or User.objects.get(username="other")
        return [ApiToken.objects.create(user=owner, name="mine", prefix="accweb_y", digest="2").pk]
    if name in ("cdr:export-file", "cdr:export-cancel", "cdr:export-delete", "api:export", "api:export-file"):
        owner = user or User.objects.get(username="other")
        state = ExportJob.ExportState.QUEUED if name == "cdr:export-cancel" else ExportJob.ExportState.DONE
        return [ExportJob.objects.create(user=owner, format="csv", state=state).pk]
    if name in ("cdr:schedule", "cdr:schedule-deed", "cdr:run-again"):
        schedule = make_schedule(user or User.objects.get(username="other"))
        last = {"cdr:schedule-deed": ["stop"], "cdr:run-again": [send_now(schedule, timezone.now()).pk]}
        return [schedule.pk, *last.get(name, [])]
    if name == "cdr:change-view":
        owner = user or User.objects.get(username="other")
        return [SavedView.objects.create(owner=owner, name="mine").pk]
    if name in ("admin:accweb_auditentry_change", "admin:accweb_auditentry_history", "admin:accweb_auditentry_delete"):
        record_of(user or User.objects.get(username="other"), Action.VIEWED, "a call")
        return [AuditEntry.objects.values_list("pk", flat=True)[0]]
    return None


@pytest.mark.parametrize("role", ALL)
@pytest.mark.thorough
def test_each_role_gets_in_where_it_may_and_nowhere_else(role: str, arguments: dict[str, list[Any]]) -> None:
    client, user = _client(role)
    wrong = {}
    for name, (method, who) in WHO.items():
        if name == "admin:logout":
            continue
        address = reverse(name, args=_own(name, user) or arguments.get(name))
        query = {"first": "1", "second": "draft"} if name == "proxyconf:compare" else None
        response = getattr(client, method)(address, query)
        login = response.status_code == 302 and "/login/" in response.headers["Location"]
        # A form that was sent empty may be refused, and what was written since may be gone: one was let in.
        let_in = not login and response.status_code not in (401, 403) and response.status_code < 500
        if let_in != (role in who):
            wrong[name] = response.status_code
        elif role in who and response.status_code == 404:
            wrong[name] = 404
    assert wrong == {}
