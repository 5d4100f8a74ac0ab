"""Try it: the records that the proxy will write for a call."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accweb.web.audit import Action
from proxyconf.comparison import changes
from proxyconf.lint import Severity
from proxyconf.lint.finding import Fix
from proxyconf.models import Proxy, SavedFlow
from proxyconf.models.profile import save_profile
from proxyconf.models.reach import proxies_for
from proxyconf.models.saved_flow import flows_of
from proxyconf.simulate.comparison import ComparedRecord, compare
from proxyconf.simulate.findings import SimulationFinding, findings_of
from proxyconf.simulate.fixes import fixes_of
from proxyconf.simulate.flow import Flow
from proxyconf.simulate.record import SimulatedRecord
from proxyconf.simulate.script import Script
from proxyconf.simulate.simulation import Simulation
from proxyconf.simulated_calls import CallsReading, calls_of
from proxyconf.translation import translated
from proxyconf.trying import (
    DRAFT,
    GENERATED,
    PUBLISHED,
    WITHOUT,
    flow_from_text,
    flow_named,
    imported_script,
    profile_named,
    script_from_text,
    script_of,
    tried,
)
from proxyconf.views.findings import FixButton
from proxyconf.views.fixing import in_words
from proxyconf.views.pages import CHANGE, ProxyPage
from proxyconf.vocabulary.layout import BACKEND_NAMES, Backend

_LATEST = 10
LACKS = {
    "bye": gettext_lazy("does not account the BYE"),
    "next_attempt": gettext_lazy("does not ask for the next failed attempt"),
    "record_route": gettext_lazy("adds no Record-Route"),
}
CALL_ROWS = {
    "state": gettext_lazy("State"),
    "outcome": gettext_lazy("Outcome"),
    "caller": gettext_lazy("Caller"),
    "callee": gettext_lazy("Callee"),
    "started_at": gettext_lazy("Started"),
    "answered_at": gettext_lazy("Answered"),
    "ended_at": gettext_lazy("Ended"),
    "duration": gettext_lazy("Duration (s)"),
    "duration_kind": gettext_lazy("Duration is"),
    "released_by": gettext_lazy("Released by"),
    "sip_code": gettext_lazy("SIP response"),
    "attempts": gettext_lazy("Failed attempts"),
    "legs": gettext_lazy("Legs"),
    "backends": gettext_lazy("Accounting output"),
    "flags": gettext_lazy("Flags"),
}


@dataclass(frozen=True)
class RecordTable:
    """The records of an output with the same columns."""

    title: str
    columns: tuple[str, ...]
    rows: list[SimulatedRecord]


class TryIt(ProxyPage):
    """Simulate a call flow, show its records and calls; edit and save flows."""

    template_name = "proxyconf/try.html"
    title = gettext_lazy("Try the configuration of %(proxy)s")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "delete" in request.POST:
            return self._delete(request, request.POST["delete"])
        texts = {name: request.POST.get(name, "") for name in ("flow_text", "script_text")}
        flow: Flow | None
        try:
            flow = flow_from_text(texts["flow_text"]) if texts["flow_text"] or "fix" not in request.POST else None
            script = script_from_text(texts["script_text"]) if texts["script_text"].strip() else None
            if "fix" in request.POST:
                self._fix(request.POST["fix"], flow, script)
            elif "save" in request.POST and flow is not None:
                return self._save(request, flow, script)
        except ValueError as error:
            context = self.get_context_data(is_flow_wrong=True, error=translated(error.args[0]), **texts)
            return self.render_to_response(context)
        if flow is None:
            return redirect(f"{request.path}?{urlencode(self._choice(), doseq=True)}")
        return self.render_to_response(self.get_context_data(flow=flow, script=script))

    @cached_property
    def has_script(self) -> bool:
        """Whether the imported script has routes that can be followed."""
        return self.draft is not None and imported_script(self.proxy, self.value) is not None

    def _fixes(self, choice: dict[str, Any], finding: SimulationFinding) -> tuple[Fix, ...]:
        """Return the fixes of a finding about the draft, for a user who may change it."""
        if choice["profile"] != DRAFT or not self.request.user.has_perm(CHANGE):
            return ()
        return fixes_of(self.value, finding, self.facts)

    def _fix(self, key: str, flow: Flow | None, script: Script | None) -> None:
        """Apply the fix that ``key`` names to the draft."""
        if not self.request.user.has_perm(CHANGE):
            raise PermissionDenied
        choice = self._choice()
        flow = flow or flow_named(self.proxy, choice["flow"])
        simulation = tried(self.proxy, self.value, flow, choice["without"], script, choice["routes"])
        offered = ((one, fix) for one in findings_of(simulation) for fix in self._fixes(choice, one))
        fix = next((fix for finding, fix in offered if _fix_key(finding, fix) == key), None)
        if fix is None:
            messages.warning(self.request, _("Nothing was changed: the draft does not have this finding any more."))
            return
        changed = fix.change(self.value)
        made = changes(self.value, changed)
        save_profile(self.proxy, changed)
        self.kept(Action.CHANGED, draft=[one._asdict() for one in made], fix=fix.title)
        messages.success(self.request, _("The fix is in the draft: %(changes)s.") % {"changes": in_words(made)})
        self.__dict__.pop("value", None)  # the stored draft is another one now
        self.__dict__.pop("proxy", None)

    def _save(self, request: HttpRequest, flow: Flow, script: Script | None) -> HttpResponse:
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        name = request.POST.get("name", "").strip()
        user = request.user if request.user.is_authenticated else None
        saved = SavedFlow(proxy=self.proxy, name=name, flow={**flow.to_json(), "name": name}, updated_by=user)
        try:
            saved.clean_fields()
        except ValidationError as error:
            raise ValueError(_("The name must be lower-case letters, digits and hyphens.")) from error
        SavedFlow.objects.update_or_create(
            proxy=self.proxy,
            name=name,
            defaults={"flow": saved.flow, "script": self._edited(script), "updated_by": saved.updated_by},
        )
        self.kept(Action.CHANGED, flow=name)
        messages.success(request, _("The call flow %(name)s is saved.") % {"name": name})
        return redirect(f"{reverse('proxyconf:try', args=[self.proxy.name])}?{urlencode({'flow': name})}")

    def _edited(self, script: Script | None) -> Any:
        """Return the script's part as JSON if it was edited; None if it is that of the routes."""
        choice = self._choice()
        profile = profile_named(self.proxy, choice["profile"])
        is_usual = script == script_of(self.proxy, profile, choice["without"], choice["routes"])
        return None if script is None or is_usual else script.to_json()

    def _choice(self) -> dict[str, Any]:
        """Return what is tried: profile, flow, routes, what the script lacks, what it is compared with."""
        parameters = self.request.POST if self.request.method == "POST" else self.request.GET
        routes = parameters.get("routes", "")
        return {
            "profile": parameters.get("profile", "") or (DRAFT if self.draft else PUBLISHED),
            "against": parameters.get("against", ""),
            "without": [one for one in parameters.getlist("without") if one in WITHOUT],
            "flow": parameters.get("flow", "") or next(iter(flows_of(self.proxy))),
            "routes": routes if routes == GENERATED else "",
        }

    def _delete(self, request: HttpRequest, name: str) -> HttpResponse:
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        if SavedFlow.objects.filter(proxy=self.proxy, name=name).delete()[0]:
            self.kept(Action.DELETED, flow=name)
            messages.success(request, _("The call flow %(name)s is deleted.") % {"name": name})
        return redirect("proxyconf:try", self.proxy.name)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        choice = self._choice()
        context: dict[str, Any] = {
            "choice": choice,
            "flows": flows_of(self.proxy),
            "saved": set(self.proxy.flows.values_list("name", flat=True)),
            "profiles": self._profiles(),
            "others": [one for one in proxies_for(self.request.user).order_by("name") if one != self.proxy],
            "lacks": LACKS,
            "has_script": self.has_script,
            "error": "",
            "is_flow_wrong": False,
        }
        if not kwargs.get("is_flow_wrong"):
            context |= self._result(choice, kwargs.pop("flow", None), kwargs.pop("script", None))
        return super().get_context_data(**context | kwargs)

    def _profiles(self) -> list[tuple[str, str]]:
        draft = [(DRAFT, _("Draft"))] if self.draft is not None else []
        revisions = list(self.proxy.revisions.order_by("-number")[:_LATEST])
        current = [(PUBLISHED, _("Current (revision %(n)d)") % {"n": one.number}) for one in revisions[:1]]
        older = [(str(one.number), _("Revision %(n)d") % {"n": one.number}) for one in revisions[1:]]
        return [*draft, *current, *older]

    def _result(self, choice: dict[str, Any], edited: Flow | None, script: Script | None) -> dict[str, Any]:
        try:
            flow = edited or flow_named(self.proxy, choice["flow"])
            profile = profile_named(self.proxy, choice["profile"])
            simulation = tried(self.proxy, profile, flow, choice["without"], script, choice["routes"])
            other = self._other(choice, flow, script)
        except ValueError as error:
            return {"error": translated(error.args[0])}
        reading = calls_of(simulation)
        findings = findings_of(simulation)
        result: dict[str, Any] = {
            "flow_now": flow,
            "simulation": simulation,
            "findings": [_shown_finding(one, self._fixes(choice, one)) for one in findings],
            "counts": Counter(one.severity.value for one in findings),
            "is_whole": all(one.severity is Severity.NOTE for one in findings),
            "tables": list(record_tables(simulation)),
            "calls": _call_rows(reading),
            "ladders": [mark_safe(call.ladder) for call in reading.calls if call.ladder],  # noqa: S308  # escaped there
            "unreadable": reading.rejected,
            "is_edited": edited is not None,
            "flow_text": json.dumps(flow.to_json(), indent=1, ensure_ascii=False),
            "script_text": json.dumps(simulation.script.to_json(), indent=1),
        }
        if other is not None:
            result |= {"compared": _named(compare(simulation, other)), "other_calls": _call_rows(calls_of(other))}
        return result

    def _other(self, choice: dict[str, Any], flow: Flow, script: Script | None) -> Simulation | None:
        if not choice["against"]:
            return None
        name, colon, which = choice["against"].rpartition(":")
        proxy = self._reachable(name) if colon else self.proxy
        return tried(proxy, profile_named(proxy, which), flow, choice["without"], script)

    def _reachable(self, name: str) -> Proxy:
        proxy = proxies_for(self.request.user).filter(name=name).first()
        if proxy is None:
            raise ValueError(_("There is no proxy %(name)s.") % {"name": name})
        return proxy


class TriedFinding(NamedTuple):
    """A finding as the page shows it."""

    severity: str
    text: str
    setting: str
    fixes: tuple[FixButton, ...]


def _shown_finding(finding: SimulationFinding, fixes: Iterable[Fix]) -> TriedFinding:
    buttons = tuple(FixButton(translated(fix.title), _fix_key(finding, fix)) for fix in fixes)
    return TriedFinding(finding.severity.value, translated(finding.text), finding.setting, buttons)


def _fix_key(finding: SimulationFinding, fix: Fix) -> str:
    return json.dumps([finding.text, fix.title])


def record_tables(simulation: Simulation) -> Iterator[RecordTable]:
    """Yield the records as tables, one per output and set of columns."""
    for backend in Backend:
        groups: dict[tuple[str, tuple[str, ...]], list[SimulatedRecord]] = {}
        for record in simulation.of_backend(backend):
            columns = tuple(name for name, _value in record.fields)
            groups.setdefault((record.table, columns), []).append(record)
        for (table, columns), rows in groups.items():
            title = str(BACKEND_NAMES[backend]) + (f": {table}" if table else "")
            yield RecordTable(title, columns, rows)


def _call_rows(reading: CallsReading) -> list[tuple[str, list[str]]]:
    """Return a row for each member that any call has, with its value in each call."""
    rows = []
    for name, title in CALL_ROWS.items():
        values = [call.words.get(name) or _shown(call.members.get(name)) for call in reading.calls]
        if any(values):
            rows.append((str(title), values))
    return rows


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, dict):
        if "code" in value:
            return f"{value['code']} {value['reason']}".strip()
        return f"{value.get('source') or '?'} → {value.get('destination') or '?'}"
    return "" if value is None else str(value)


def _named(records: list[ComparedRecord]) -> list[tuple[str, ComparedRecord]]:
    return [(str(BACKEND_NAMES[one.backend]), one) for one in records]
