"""The form of a profile, and the preview beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accweb.web.audit import Action
from accweb.web.server_host import server_host
from proxyconf.artefacts import Artefact, artefacts_of
from proxyconf.comparison import changes
from proxyconf.forms.presets import PRESETS, with_preset
from proxyconf.forms.profile import ProfileForm
from proxyconf.forms.rows import EXTRAS
from proxyconf.lint.kinds import suggested_type
from proxyconf.models import Profile
from proxyconf.models.profile import save_profile
from proxyconf.profile import AccountingProfile
from proxyconf.script_facts import ScriptFacts
from proxyconf.views.findings import Shown, fixed, shown_findings
from proxyconf.views.fixing import in_words, rule_of
from proxyconf.views.pages import CHANGE, ProxyPage
from proxyconf.vocabulary.layout import suggest_role
from proxyconf.vocabulary.suggestions import suggested_name
from proxyconf.vocabulary.variables import Takes, variables_in


class Preview(NamedTuple):
    """What a profile comes to: its files, the one to show, and what is wrong with it."""

    files: list[Artefact]
    chosen: Artefact
    findings: list[Shown]


def preview_of(
    profile: AccountingProfile,
    collector: str,
    chosen: str = "",
    form: ProfileForm | None = None,
    facts: ScriptFacts | None = None,
) -> Preview:
    """Return the preview of a profile, without its passwords; ``form`` is where findings lead to."""
    files = artefacts_of(profile.masked(), collector)
    shown = next((one for one in files if one.name == chosen), files[0])
    return Preview(files, shown, shown_findings(profile, form, facts))


class _Editing(ProxyPage):
    permission_required = CHANGE

    @cached_property
    def stored(self) -> Profile:
        if self.draft is None:
            raise Http404("no profile yet")
        return self.draft

    def form(self, data: Any = None) -> ProfileForm:
        return ProfileForm(self.value, tuple(self.stored.flags_elsewhere), data)


class ProfileEdit(_Editing):
    """The form. What is saved is a draft, right or wrong."""

    title = gettext_lazy("Accounting profile of %(proxy)s")
    template_name = "proxyconf/profile_edit.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.draft is None:
            return redirect("proxyconf:profile", self.proxy.name)
        return self._page(self.form())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.form(request.POST)
        if not form.is_valid():
            messages.error(request, _("Not saved: something in the form cannot be read. It is marked below."))
            return self._page(form)
        if request.POST.get("seen", "") != mark_of(self.value):
            messages.warning(
                request,
                _("Not saved: the draft was changed meanwhile. Save again to put what you see here in its place."),
            )
            return self._page(form)
        if "preset" in request.POST:
            return self._with_preset(form.value(), request.POST["preset"])
        if "fix" in request.POST:
            return self._with_fix(form, request.POST["fix"])
        save_profile(self.proxy, form.value())
        self.kept(Action.CHANGED, draft=[one._asdict() for one in changes(self.value, form.value())])
        messages.success(request, _("The draft is saved. The proxy gets it when it is published."))
        return redirect("proxyconf:publish" if "publish" in request.POST else "proxyconf:edit", self.proxy.name)

    def _with_preset(self, value: AccountingProfile, name: str) -> HttpResponse:
        """Save the draft with the fields of a preset, and show the form again."""
        changed = with_preset(value, name)
        save_profile(self.proxy, changed)
        self.kept(Action.CHANGED, draft=[one._asdict() for one in changes(self.value, changed)])
        messages.success(self.request, _("The draft is saved with the added fields."))
        return redirect("proxyconf:edit", self.proxy.name)

    def _with_fix(self, form: ProfileForm, key: str) -> HttpResponse:
        """Save the draft as the form has it with a fix applied, and show the form again."""
        changed = fixed(form.value(), key, self.facts)
        if changed is None:
            messages.warning(self.request, _("Nothing was changed: the form does not have this finding any more."))
            return self._page(form)
        save_profile(self.proxy, changed)
        made = changes(self.value, changed)
        self.kept(Action.CHANGED, draft=[one._asdict() for one in made], fix=rule_of(key))
        said = in_words(changes(form.value(), changed))
        messages.success(self.request, _("The draft is saved with the fix: %(changes)s.") % {"changes": said})
        return redirect("proxyconf:edit", self.proxy.name)

    def _page(self, form: ProfileForm) -> HttpResponse:
        context = {
            "form": form,
            "seen": mark_of(self.value),
            "preview": preview_of(form.value(), server_host(self.request), form=form, facts=self.facts),
            "variables": _variables(self.value),
            "lists": _lists(form),
            "presets": PRESETS,
        }
        return self.render_to_response(self.get_context_data(**context))


class ProfilePreview(_Editing):
    """The preview of a form as it stands in the browser, saved or not."""

    http_method_names = ["post"]
    template_name = "proxyconf/_preview.html"
    partial_template_name = "proxyconf/_preview.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.form(request.POST)
        preview = preview_of(form.value(), server_host(request), request.POST.get("file", ""), form, self.facts)
        return self.render_to_response({"preview": preview, "form": form, "unread": _unread(form)})


def mark_of(profile: AccountingProfile) -> str:
    """Return a mark that tells whether a stored draft is the one that somebody saw; it gives nothing away."""
    text = json.dumps(profile.masked().to_json(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _unread(form: ProfileForm) -> list[str]:
    found = [
        f"{form[name].label}: {' '.join(map(str, errors))}"
        for name, errors in form.errors.items()
        if name in form.fields
    ]
    for rows in form.rows.values():
        for row in rows.forms:
            found += [
                f"{row[name].label}: {' '.join(map(str, e))}" for name, e in row.errors.items() if name in row.fields
            ]
    return found


def _lists(form: ProfileForm) -> Mapping[str, Any]:
    return {name: {"rows": rows, "is_extras": name == EXTRAS} for name, rows in form.rows.items()}


class VariableChoice(NamedTuple):
    """A variable that the form offers: as written, what it is, and the usual name, role and SQL type of its value."""

    text: str
    meaning: str
    name: str
    role: str
    sql_type: str


def _variables(profile: AccountingProfile) -> list[VariableChoice]:
    found = []
    for one in variables_in(profile.product, profile.version).values():
        text = f"${one.name}" + ("()" if one.takes is Takes.REQUIRED else "")
        name = suggested_name(text)
        role = str(suggest_role(name, text) or "")
        found.append(VariableChoice(text, one.meaning, name, role, suggested_type(f"${one.name}").value))
    return found
