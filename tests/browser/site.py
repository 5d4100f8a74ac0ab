"""The recorded calls and one of everything else that pages show; and all pages, with what opens on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Locator, Page

from accweb.demo import load_demo
from accweb.web.audit import Action, record_of
from accweb.web.models import ApiToken, AuditEntry
from cdr.calls.settlement import settle
from cdr.models import Call, Event, ExportJob, Note, Rejected, ReportSchedule, SavedView, ScheduledRun, Source
from proxyconf.models import Profile, Proxy
from proxyconf.models.profile import save_profile, suggested
from proxyconf.models.revision import publish
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_rejected, make_schedule
from tests.generated_calls import make_thirty_days
from tests.identity import App, recovery_codes

PROXY = "demo-kamailio-extras"


class State(NamedTuple):
    """What one may do on a page, and the part of it that changes by that (nothing: all of it)."""

    name: str
    act: Callable[[Page], object]
    within: str = ""


class Place(NamedTuple):
    """A page: its address, who looks at it (nobody: not logged in), what may be opened on it."""

    address: str
    by: str = "ann"
    status: int = 200
    states: Sequence[State] = ()


def build() -> User:
    """Load the recorded calls and add one of everything else; return the administrator, ann."""
    load_demo()
    ann = User.objects.create_superuser("ann", password="correct-horse-7")
    visitor = User.objects.create_user("visitor", password="correct-horse-7", is_staff=True)
    App(visitor)
    recovery_codes(visitor)
    Authenticator.objects.create(user=visitor, type=Authenticator.Type.WEBAUTHN, data={"name": "<b>phone"})
    Group.objects.get_or_create(name="viewer")
    for name in (PROXY, "demo-opensips"):
        proxy = Proxy.objects.get(name=name)
        save_profile(proxy, suggested(proxy, [Backend.SYSLOG, Backend.SQL]))
    for why in ("who calls whom", "once more"):
        publish(Profile.objects.get(proxy__name=PROXY), by=ann, why=why)
    Proxy.objects.create(name="fresh")
    make_rejected(source=Source.objects.filter(proxy__name="demo-kamailio").first(), raw=b"ACC: oops \xff\x1b[31m")
    lost = Call.objects.filter(state=Call.State.STOP_MISSING).order_by("pk")
    settle(lost[1], ended_at=None, reason="the carrier knows no better", by=ann, now=timezone.now())
    Note.objects.create(call=lost[1], text="asked the carrier", author=ann, at=timezone.now())
    SavedView.objects.create(owner=ann, name="busy ones", conditions="outcome=busy", shared=True)
    for state in ExportJob.ExportState.values:
        ExportJob.objects.create(user=ann, format="csv", state=state, conditions="outcome=busy", matches=3, written=1)
    make_thirty_days(timezone.now(), calls_per_day=4)
    make_runs(ann)
    ApiToken.objects.create(user=ann, name="billing", prefix="accweb_x", digest="1", scopes=["cdr.view_call"])
    record_of(ann, Action.VIEWED, "a call", filter="caller=+49")
    for _ in range(6):
        Client().post("/admin/login/", {"username": "<b>bob</b>", "password": "wrong"})
    return ann


def make_runs(owner: User) -> None:
    """Add a schedule with a run in each state, and one that stopped by itself."""
    schedule = make_schedule(owner, name="Minutes per account", url="https://example.net/hook")
    for day, state in enumerate(ScheduledRun.RunState.values):
        waits = state in ("waiting", "sending")
        schedule.runs.create(
            due_at=timezone.now() - timedelta(days=day),
            state=state,
            error="" if state == "sent" else "451 try later",
            next_try_at=timezone.now() if waits else None,
            finished_at=None if waits else timezone.now(),
            receivers="billing@example.net",
            size=2048,
        )
    make_schedule(owner, name="Old", next_at=None, stopped_because="The user ann may not export calls any more.")


def _open(selector: str) -> Callable[[Page], None]:
    """Open the panel that ``selector`` names, and no other."""

    def act(page: Page) -> None:
        page.keyboard.press("Escape")
        page.locator(f"{selector} > summary").first.click()

    return act


def _waits_for(act: Callable[[Page], Locator]) -> Callable[[Page], None]:
    return lambda page: act(page).wait_for()


def _expanded(page: Page) -> Locator:
    page.keyboard.press("Escape")
    page.locator(".expander").first.click()
    return page.locator("tr.inside .facts, tr.inside table, tr.inside section").first


def _cell_menu(page: Page) -> Locator:
    page.locator(".call-table td.col-who").first.click()
    return page.get_by_role("menu")


def _sidebar(page: Page) -> None:
    """Open what a phone hides at first; a wide screen shows it anyway."""
    control = page.get_by_role("button", name="Toggle sidebar").and_(page.locator(":visible"))
    if control.count():
        control.first.click()


LIST = (
    *(
        State(name, _open(selector), selector)
        for name, selector in {
            "search help": "details.search-help",
            "times": ".segments details",
            "outcome": ".bar-row > details.picker",
            "columns": "details.columns",
            "saved views": "details.views",
        }.items()
    ),
    State("selected calls", lambda page: page.locator(".col-more input").first.check(), ".selection"),
    State("an expanded row", _waits_for(_expanded), "tr.inside"),
    State("menu of a cell", _waits_for(_cell_menu), ".cell-menu"),
)


def places() -> Mapping[str, Place]:
    """All pages, by a name for people."""

    def call(**conditions: object) -> str:
        return f"/calls/{Call.objects.filter(**conditions).order_by('pk').values_list('pk', flat=True)[0]}/"

    def selected(**conditions: object) -> str:
        calls = Call.objects.filter(**conditions, settlements=None).order_by("-pk")[:2]
        return "&".join(f"id={one.pk}" for one in calls)

    settled = Call.objects.filter(settlements__isnull=False).values_list("pk", flat=True)[0]
    key = Authenticator.objects.get(type=Authenticator.Type.WEBAUTHN).pk
    found = {
        "login": Place("/admin/login/", by=""),
        "not allowed": Place("/exports/", by="visitor", status=403),
        "report by day": Place(
            "/reports/",
            states=[
                State(name, _open(selector), selector)
                for name, selector in {"columns": "details.columns", "saved reports": "details.views"}.items()
            ],
        ),
        "report by gateway and weekday": Place("/reports/?group=gateway&per=weekday&period=30d"),
        "report by prefix": Place("/reports/?group=callee_prefix&group=outcome&digits=5&sort=-minutes"),
        "report with errors": Place("/reports/?group=nothing&state=lost"),
        "report of nothing": Place("/reports/?group=caller&since=2001-01-01&until=2001-01-02"),
        "report of a visitor": Place("/reports/", by="visitor", status=403),
        "trends": Place("/trends/?period=30d"),
        "scheduled reports": Place("/reports/schedules/"),
        "schedule": Place(f"/reports/schedules/{ReportSchedule.objects.earliest('pk').pk}/"),
        "stopped schedule": Place(f"/reports/schedules/{ReportSchedule.objects.latest('pk').pk}/"),
        "new schedule": Place("/reports/schedules/new/?period=last_month&group=account&per=day"),
        "new schedule of an export": Place("/reports/schedules/new/?content=export&outcome=busy"),
        "Not found": Place("/calls/99999999/", status=404),
        "start": Place("/?period=all", states=[State("sidebar", _sidebar)]),
        "start, nothing in its time": Place("/?period=1h"),
        "wall": Place("/?period=all&wall=1"),
        "busiest": Place("/busiest/?period=all"),
        "calls": Place("/calls/", states=LIST),
        "calls by conditions": Place("/calls/?outcome=busy&not_caller=x&code=486&q=486"),
        "no call": Place("/calls/?caller=nobody"),
        "wrong conditions": Place("/calls/?since=yesterday"),
        "calls over time": Place("/calls/histogram/?period=all"),
        "completed call": Place(call(state="completed")),
        "call with legs": Place(call(legs__position=1)),
        "call without STOP": Place(call(state="stop_missing")),
        "call without START": Place(call(state="start_missing")),
        "call with failed attempts": Place(call(attempts__position=1)),
        "busy call": Place(call(outcome="busy")),
        "settled call": Place(f"/calls/{settled}/?zone=America/New_York"),
        "a call and its list": Place(call(outcome="busy") + "?list=outcome%3Dbusy"),
        "comparison of two calls": Place("/calls/compare/?" + selected(outcome="answered")),
        "comparison of no calls": Place("/calls/compare/"),
        "ends of calls": Place("/calls/set-ends/?" + selected(state="stop_missing")),
        "longest calls": Place("/calls/?since=2000-01-01&until=2000-01-20&sort=-duration"),
        "exports": Place("/exports/"),
        "new export": Place("/exports/new/?outcome=busy"),
        "health": Place("/health/"),
        "health of a proxy": Place("/health/demo-kamailio/"),
        "health of a proxy that reports nothing": Place("/health/fresh/"),
        "account": Place("/account/"),
        "tokens": Place("/account/tokens/"),
        "locked logins": Place("/access/locked/"),
        "sessions": Place("/account/sessions/"),
        "second factor": Place("/account/second-factor/"),
        "second factor that is set up": Place("/account/second-factor/", by="visitor"),
        "set up an app": Place("/account/second-factor/app/"),
        "remove an app": Place("/account/second-factor/app/remove/", by="visitor"),
        "recovery codes": Place("/account/second-factor/recovery-codes/", by="visitor"),
        "new recovery codes": Place("/account/second-factor/recovery-codes/new/", by="visitor"),
        "passkeys": Place("/account/second-factor/passkeys/", by="visitor"),
        "add a passkey": Place("/account/second-factor/passkeys/add/"),
        "rename a passkey": Place(f"/account/second-factor/passkeys/{key}/", by="visitor"),
        "remove a passkey": Place(f"/account/second-factor/passkeys/{key}/remove/", by="visitor"),
        "confirm by password": Place("/account/confirm/"),
        "confirm by code": Place("/account/second-factor/confirm/", by="visitor"),
        "sign-on that was cancelled": Place("/account/sso/cancelled/", by=""),
        "documentation of the API": Place("/api/v1/docs/"),
        "configurations": Place("/configuration/"),
        "no configuration yet": Place("/configuration/fresh/"),
        "configuration": Place(f"/configuration/{PROXY}/"),
        "import": Place(f"/configuration/{PROXY}/import/"),
        "publish": Place("/configuration/demo-opensips/publish/"),
        "revisions": Place(f"/configuration/{PROXY}/revisions/"),
        "revision": Place(f"/configuration/{PROXY}/revisions/1/"),
        "comparison": Place(f"/configuration/{PROXY}/revisions/compare/?first=1&second=draft"),
        "try it": Place(f"/configuration/{PROXY}/try/?flow=busy-then-answered&without=bye"),
        "add a source": Place("/admin/cdr/source/add/"),
        "add a user": Place("/admin/auth/user/add/"),
        "add a group": Place("/admin/auth/group/add/"),
        "add a proxy": Place("/admin/proxyconf/proxy/add/"),
        "change the password": Place("/admin/password_change/"),
        "delete a source": Place(reverse("admin:cdr_source_delete", args=[Source.objects.earliest("pk").pk])),
    }
    for kind in ("syslog", "database", "radius", "diameter", "http"):
        found[f"add a source, {kind}"] = Place(f"/admin/cdr/source/add/?kind={kind}")
    for model in (Source, Event, Rejected, Proxy, User, Group, ApiToken, AuditEntry):
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        one = model._default_manager.order_by("pk").values_list("pk", flat=True)[0]
        found[f"{model._meta.verbose_name}s"] = Place(reverse(f"{name}_changelist"))
        found[f"{model._meta.verbose_name}"] = Place(reverse(f"{name}_change", args=[one]))
    found["history of a proxy"] = Place(
        reverse("admin:proxyconf_proxy_history", args=[Proxy.objects.earliest("pk").pk])
    )
    return found
