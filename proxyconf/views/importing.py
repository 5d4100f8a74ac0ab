"""A configuration that the proxy has already, read into the draft."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accweb.web.audit import Action
from proxyconf.comparison import changes
from proxyconf.models.imported import RawFile, readable_files, sealed_files, store_imported
from proxyconf.models.profile import save_profile
from proxyconf.parse import Imported, parse_files
from proxyconf.profile import AccountingProfile
from proxyconf.views.findings import fixed, shown_findings
from proxyconf.views.pages import CHANGE, ProxyPage
from proxyconf.views.uploads import files_of
from proxyconf.vocabulary.products import Product, Version


class Import(ProxyPage):
    """Take a text, ask what cannot be known, show what it says, and make it the draft."""

    permission_required = CHANGE
    template_name = "proxyconf/import.html"
    title = gettext_lazy("Import a configuration of %(proxy)s")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            files = files_of(request, f"{self.proxy.product}.cfg")
        except ValueError as error:
            messages.error(request, str(error))
            return self.render_to_response(self.get_context_data())
        defines = [name for name in request.POST.getlist("defines") if name]
        found, fixes = self._fixed(self._parsed(files, defines))
        if "take" in request.POST:
            save_profile(self.proxy, found.profile, found.flags_elsewhere)
            store_imported(self.proxy, files, defines)
            self.kept(Action.CHANGED, draft="imported", file=_names(files))
            messages.success(
                request,
                _("The draft is what %(name)s says. Look at the findings, then publish it.") % {"name": _names(files)},
            )
            return redirect("proxyconf:edit", self.proxy.name)
        return self.render_to_response(self.get_context_data(fixes=fixes, **self._shown(files, found)))

    def _fixed(self, found: Imported) -> tuple[Imported, list[str]]:
        """Return what was read with the fixes applied that were chosen so far, and the keys of those."""
        keys = [*self.request.POST.getlist("fixes"), *self.request.POST.getlist("fix")]
        profile, applied = found.profile, []
        for key in keys:
            if (changed := fixed(profile, key, found.facts)) is not None:
                profile = changed
                applied.append(key)
        return found._replace(profile=profile), applied

    def _parsed(self, files: list[RawFile], defines: list[str]) -> Imported:
        product, version = Product(self.proxy.product), Version.parse(self.proxy.version)
        return parse_files(readable_files(files), product=product, version=version, defines=defines)

    def _shown(self, files: list[RawFile], found: Imported) -> dict[str, Any]:
        guess = parse_files(readable_files(files)).profile.product
        current = (
            self.value if self.draft else AccountingProfile(found.profile.product, found.profile.version, backends=())
        )
        return {
            "source": _names(files),
            "sealed": sealed_files(files),
            "lines": sum(one.raw.count(b"\n") + 1 for one in files),
            "found": found,
            "is_empty": not found.profile.backends and not found.profile.options and not found.profile.extras,
            "other_product": guess.label if guess is not found.profile.product else "",
            "changes": changes(current, found.profile),
            "has_draft": self.draft is not None,
            "findings": shown_findings(found.profile, facts=found.facts),
        }


def _names(files: list[RawFile]) -> str:
    return ", ".join(one.name for one in files)
