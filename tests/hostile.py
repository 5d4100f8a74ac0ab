"""What an attacker might let a proxy log, in every field that is stored of events and calls, and the addresses that
show any of it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any
from urllib.parse import quote, urlencode

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accweb.web.audit import Action, record_of
from accweb.web.models import AuditEntry
from cdr.events import text_of
from cdr.export import records
from cdr.export.formats import FORMATS
from cdr.export.jobs import filter_of
from cdr.export.selection import oldest_first
from cdr.export.writing import write
from cdr.models import (
    Call,
    ColumnChoice,
    Event,
    ExportJob,
    Note,
    Rejected,
    ReportSchedule,
    SavedView,
    Settlement,
    Source,
)
from cdr.queries.columns import COLUMNS
from tests.factories import NOON, make_call, make_event, make_proxy, make_rejected, make_schedule, make_source

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"
QUOTES = "\"' onmouseover='alert(1)' x=\""
TEMPLATE = "{{ 7|add:7 }}{% now 'Y' %}"
ENTITY = "&lt;b&gt; %3Cscript%3E"
CONTROLS = "\u202e\u2066\u200b\x07"
TURNED = f"abc\u202egpj.exe{CONTROLS}"
LONG = "Z" * 10_000
FORMULA = "=cmd|' /C calc'!A0"
UNDECODED = text_of(b"caf\xe9 \xff\x00")
ALL = " ".join([FORMULA, SCRIPT, QUOTES, TEMPLATE, ENTITY, TURNED, UNDECODED, "javascript:alert(1)", LONG])
NAME = f"{SCRIPT[:25]}{QUOTES}{TURNED}"[:80]
RAW = ALL.encode() + b"\xff\xfe\x00"

_CONDITIONS = urlencode(
    {"caller": SCRIPT, "not_callee": QUOTES, "call_id": ALL[:400], "user_agent": TURNED, "reason": FORMULA}
)
_EVERYTHING = urlencode(
    {"columns": ",".join([*(column.name for column in COLUMNS), "extra.ua", f"extra.{SCRIPT}"]), "zone": SCRIPT}
)
LISTS = (
    "period=all",
    _CONDITIONS,
    urlencode({"caller": f"={ALL[:200]}", f"extra.{NAME}": NAME}),
    f"period=all&{_EVERYTHING}",
    urlencode({"word": SCRIPT, "number": SCRIPT, SCRIPT: QUOTES, "after": SCRIPT, "proxy": "<b>", "flag": QUOTES}),
)
REPORTS = (
    urlencode({"period": "all", "group": ["caller", f"extra.{NAME}"]}, doseq=True),
    urlencode({"period": "all", "group": ["user_agent_of_nobody", "callee"]}, doseq=True),
    urlencode({"period": "all", "group": ["source_ip", "proxy"], "per": "day"}, doseq=True),
)

SHOWN: Mapping[str, Sequence[str]] = {
    "cdr:start": ["period=all", "period=all&wall=1", urlencode({"period": SCRIPT, "proxy": QUOTES, "zone": TURNED})],
    "cdr:busiest": ["period=all", urlencode({"period": SCRIPT, "proxy": QUOTES})],
    "cdr:call-list": [*LISTS, *(urlencode({"q": word}) for word in (SCRIPT, QUOTES, TURNED, f"caller:{NAME}"))],
    "cdr:histogram": LISTS,
    "cdr:new-calls": LISTS,
    "cdr:call": ["", urlencode({"zone": SCRIPT}), urlencode({"list": f"proxy=edge-1&zone={SCRIPT}"})],
    "cdr:compare-calls": ["id={call}&id={busy}", urlencode({"id": SCRIPT})],
    "cdr:set-ends": ["id={lost}", urlencode({"id": SCRIPT})],
    "cdr:call-inside": [""],
    "cdr:call-ladder": [""],
    "cdr:trends": ["period=all", urlencode({"period": SCRIPT})],
    "cdr:report": [*REPORTS, urlencode({"group": SCRIPT, "sort": QUOTES, "figures": TURNED, "digits": SCRIPT})],
    "cdr:report-file": REPORTS,
    "cdr:schedules": [""],
    "cdr:schedule": [""],
    "cdr:schedule-new": ["", REPORTS[0]],
    "locked-logins": [""],
    "sessions": [""],
    "cdr:exports": [""],
    "cdr:export-new": ["", _CONDITIONS],
    "cdr:export-file": [""],
    "cdr:health": [""],
    "cdr:health-proxy": [""],
    "api:calls": ["", f"zone=UTC&{urlencode({'caller': '*'})}"],
    "api:call": [""],
    "api:call-events": [""],
    "api:call-revisions": [""],
    "api:sources": [""],
    "api:source": [""],
    "api:statistics": ["period=all", urlencode({"period": SCRIPT})],
    "api:reports": REPORTS,
    "api:statistics-series": ["period=all", urlencode({"by": QUOTES})],
    "api:exports": [""],
    "api:export": [""],
    "api:export-file": [""],
    "admin:cdr_event_changelist": ["", urlencode({"q": NAME})],
    "admin:cdr_event_change": [""],
    "admin:cdr_event_history": [""],
    "admin:cdr_rejected_changelist": [""],
    "admin:cdr_rejected_change": [""],
    "admin:cdr_rejected_history": [""],
    "admin:cdr_source_changelist": [""],
    "admin:cdr_source_change": [""],
    "admin:cdr_source_delete": [""],
    "admin:cdr_source_history": [""],
    "admin:accweb_auditentry_changelist": ["", urlencode({"q": NAME})],
    "admin:accweb_auditentry_change": [""],
    "admin:accweb_auditentry_history": [""],
    "metrics": [""],
}
"""The addresses that show something of events or calls, by name, with the query strings to ask them with."""

NOT_SHOWN = {
    # they take something and lead on to a page that is above
    "api:events", "cdr:call-notes", "cdr:call-settlement", "cdr:call-settlement-revoke", "cdr:change-view",
    "cdr:choose-columns", "cdr:export-cancel", "cdr:export-delete", "cdr:health-replay", "cdr:health-reread",
    "cdr:save-view", "cdr:run-again", "cdr:schedule-deed",
    "None", "admin:None", "admin:index", "admin:app_list", "admin:autocomplete", "admin:view_on_site",
    # people, proxies and what these shall log: nothing of it comes from a proxy
    "account", "own-password",
    "tokens", "token-revoke", "healthz", "api:root", "api:me", "api:version", "api:schema",
    "api:docs",
    "api:profile", "api:profiles", "api:profile-artefact", "api:profile-artefacts", "api:profile-flows",
    "api:profile-revisions", "api:profile-simulation", "api:proxies", "api:proxy", "admin:search",
}  # fmt: skip
"""Addresses that show nothing of them; so do those that begin as in ``NOT_SHOWN_BELOW``."""
NOT_SHOWN_BELOW = (
    "account_", "mfa_", "openid_connect_", "socialaccount_",  # people's own
    "proxyconf:", "admin:auth_", "admin:proxyconf_", "admin:accweb_apitoken_", "admin:log", "admin:jsi18n",
    "admin:password_change", "admin:cdr_event_add", "admin:cdr_event_delete", "admin:cdr_rejected_add",
    "admin:cdr_rejected_delete", "admin:cdr_source_add", "admin:accweb_auditentry_add",
    "admin:accweb_auditentry_delete",
)  # fmt: skip


def store(admin: User) -> Call:
    """Store a call without STOP and all that belongs to it, hostile in every text; return it."""
    proxy = make_proxy(name="edge-1", layout={"extras": {"syslog": [NAME, "ua"]}, "legs": {"syslog": [NAME]}})
    source = make_source(proxy=proxy, name="log", error=ALL, events=9, rejected=2, last_received_at=timezone.now())
    whole: dict[str, Any] = dict.fromkeys(
        ("from_tag", "to_tag", "caller", "callee", "source_ip", "user_agent", "sip_reason"), ALL
    )
    lacking = {"state": "stop_missing", "ended_at": None, "duration": None, "duration_kind": "unknown"}
    call = make_call(
        **whole, **lacking, call_id=ALL, cluster=NAME[:64], extra={"ua": ALL, NAME: ALL, ALL: ALL}, proxies=["edge-1"]
    )
    make_call(**whole, extra={ALL: ALL}, outcome="busy", state="unanswered", sip_code=486)
    make_call(**whole, **lacking, call_id=f"lost{ALL}")
    call.legs.create(position=0, source=ALL, destination=ALL, type=ALL, values={ALL: ALL})
    call.attempts.create(position=0, code=486, reason=ALL, to_tag=ALL, time=NOON)
    changes = {"caller": [None, ALL], "extra": [{}, {ALL: ALL}], ALL: [ALL, ALL]}
    call.revisions.create(revision=2, at=NOON, changes=changes)
    told = {"from_tag": ALL, "to_tag": ALL, "reason": ALL, "extra": [[ALL, ALL]], "legs": [[[ALL, ALL]]], "raw": RAW}
    make_event(source=source, call_id=ALL, **told)
    make_event(source=source, call_id=ALL, **told, kind="failed", code=486, method=ALL[:64])
    other = make_source(proxy=proxy, name="tables")
    for number in range(3):  # lately, for drift and loss
        for seen, backend in ((source, "syslog"), (other, "sql"))[: 1 + (number > 0)]:
            make_event(source=seen, backend=backend, **told | {"call_id": f"{number}{ALL}", "time": timezone.now()})
    make_rejected(source=source, raw=RAW, reason=ALL)
    make_rejected(source=source, raw=RAW, reason=ALL, received_at=timezone.now())
    Settlement.objects.create(call=call, reason=ALL, by=admin, at=NOON)
    Note.objects.create(call=call, text=ALL, author=admin, at=NOON)
    owner = User.objects.create_user("other")
    for of in (admin, owner):
        SavedView.objects.create(owner=of, name=NAME, conditions=_CONDITIONS, shared=True)
    ColumnChoice.objects.create(user=admin, columns=["started", "who", f"extra.{NAME}"])
    for name in FORMATS:
        _export(admin, name)
    ExportJob.objects.create(user=admin, format="csv", conditions=_CONDITIONS, state="failed", error=ALL)
    record_of(admin, Action.REFUSED, ALL, username=NAME, filter=ALL)
    make_schedule(admin, name=NAME)
    for _ in range(6):
        Client().post(reverse("admin:login"), {"username": NAME, "password": SCRIPT})
    return call


def _export(user: User, name: str) -> None:
    """Store a finished export in a format, as a worker would."""
    columns = ["id", "caller", "call_id", "extra", "legs", f"extra.{NAME}"]
    job = ExportJob.objects.create(user=user, format=name, conditions="proxy=edge-1", columns=columns, state="done")
    file, asked = io.BytesIO(), filter_of(job)
    write(records(oldest_first(asked), asked.visibility), asked, name, file, columns=columns, zone="UTC")
    job.chunks.create(position=0, data=file.getvalue())
    ExportJob.objects.filter(pk=job.pk).update(size=file.tell(), matches=1, written=1)


def addresses(call: Call, admin: User) -> list[str]:
    """Return every address that shows something of what was stored, the files of exports in each format."""
    event, entry = Event.objects.earliest("pk"), AuditEntry.objects.earliest("pk")
    jobs = ExportJob.objects.filter(user=admin, state="done").values_list("pk", flat=True)
    first: dict[str, Any] = {"cdr:call": call.pk, "api:call": call.pk, "cdr:health-proxy": "edge-1"}
    first |= {"cdr:report-file": "csv", "cdr:schedule": ReportSchedule.objects.earliest("pk").pk}
    first |= {"api:source": event.source_id, "api:export": jobs[0]}
    models = {"cdr_event": event, "cdr_rejected": Rejected.objects.earliest("pk"), "accweb_auditentry": entry}
    models["cdr_source"] = Source.objects.earliest("pk")
    for name in SHOWN:
        if name.startswith(("cdr:call-", "api:call-")) and name != "cdr:call-list":
            first[name] = call.pk
        for model, one in models.items():
            if name.startswith(f"admin:{model}_") and not name.endswith("_changelist"):
                first[name] = one.pk
    others = Call.objects.exclude(pk=call.pk)
    keys = {"{call}": call.pk, "{busy}": others.get(outcome="busy").pk, "{lost}": others.get(state="stop_missing").pk}
    found: list[str] = []
    for name, queries in SHOWN.items():
        for argument in jobs if name.endswith("export-file") else [first.get(name)]:
            address = reverse(name, args=[] if argument is None else [argument])
            found += [f"{address}?{query}" if query else address for query in queries]
    return [reduce(lambda text, key: text.replace(*key), _texts(keys), one) for one in found]


def _texts(keys: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(name, str(pk)) for name, pk in keys.items()]


def shortly(address: str) -> str:
    """Return an address for a message."""
    return quote(address, safe="/?=&:%")[:120]
