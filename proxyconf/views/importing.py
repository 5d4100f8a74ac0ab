"""A configuration that the proxy has already, read into the draft."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accweb.web.audit import Action
from proxyconf.comparison import changes
from proxyconf.models.profile import save_profile
from proxyconf.models.sealing import Unreadable, seal, unseal
from proxyconf.parse import Imported, config_text, parse_config
from proxyconf.profile import Profile
from proxyconf.views.findings import shown_findings
from proxyconf.views.pages import CHANGE, ProxyPage
from proxyconf.vocabulary.products import Product, Version

LARGEST = 1_000_000
"""The most bytes of a configuration that are read."""


class Source(NamedTuple):
    """A configuration between two pages: its name and its text, which may hold passwords and so travels sealed."""

    name: str
    text: str

    def sealed(self) -> str:
        return seal(json.dumps(self))

    @classmethod
    def unsealed(cls, text: str) -> Source:
        return cls(*json.loads(unseal(text)))


class Import(ProxyPage):
    """Take a text, ask what cannot be known, show what it says, and make it the draft."""

    permission_required = CHANGE
    template_name = "proxyconf/import.html"
    title = gettext_lazy("Import a configuration of %(proxy)s")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            source = _source(request)
        except ValueError as error:
            messages.error(request, str(error))
            return self.render_to_response(self.get_context_data())
        defines = [name for name in request.POST.getlist("defines") if name]
        found = self._parsed(source, defines)
        if "take" in request.POST:
            save_profile(self.proxy, found.profile, found.flags_elsewhere)
            self.kept(Action.CHANGED, draft="imported", file=source.name)
            messages.success(
                request,
                _("The draft is what %(name)s says. Look at the findings, then publish it.") % {"name": source.name},
            )
            return redirect("proxyconf:edit", self.proxy.name)
        return self.render_to_response(self.get_context_data(**self._shown(source, found)))

    def _parsed(self, source: Source, defines: list[str]) -> Imported:
        product, version = Product(self.proxy.product), Version.parse(self.proxy.version)
        return parse_config(source.text, product=product, version=version, defines=defines)

    def _shown(self, source: Source, found: Imported) -> dict[str, Any]:
        guess = parse_config(source.text).profile.product
        current = self.value if self.draft else Profile(found.profile.product, found.profile.version, backends=())
        return {
            "source": source,
            "sealed": source.sealed(),
            "lines": source.text.count("\n") + 1,
            "found": found,
            "is_empty": not found.profile.backends and not found.profile.options and not found.profile.extras,
            "other_product": guess.label if guess is not found.profile.product else "",
            "changes": changes(current, found.profile),
            "has_draft": self.draft is not None,
            "findings": shown_findings(found.profile),
        }


def _source(request: HttpRequest) -> Source:
    """Return what was uploaded, pasted or sealed by the page before; raise ``ValueError`` that says what to do."""
    if request.POST.get("sealed"):
        try:
            return Source.unsealed(request.POST["sealed"])
        except (Unreadable, ValueError, TypeError) as error:
            raise ValueError(_("The text of the page before cannot be read any more: paste it again.")) from error
    upload = request.FILES.get("file")
    if upload is not None:
        if (upload.size or 0) > LARGEST:
            raise ValueError(_("%(name)s is larger than 1 MB: that is no configuration.") % {"name": upload.name})
        return Source(str(upload.name), config_text(upload.read()))
    text = request.POST.get("text", "")
    if not text.strip():
        raise ValueError(_("Paste the configuration, or choose its file."))
    if len(text) > LARGEST:
        raise ValueError(_("The text is larger than 1 MB: that is no configuration."))
    return Source(_("the pasted text"), config_text(text.encode()))
