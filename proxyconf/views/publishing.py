"""Publish drafts; show, compare and restore revisions."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accweb.web.audit import Action
from accweb.web.server_host import server_host
from proxyconf.artefacts import artefacts_of
from proxyconf.comparison import changes, compared
from proxyconf.models import Profile, Revision
from proxyconf.models.profile import save_profile
from proxyconf.models.revision import latest_revision, publish, restored
from proxyconf.profile import AccountingProfile
from proxyconf.views.editor import mark_of, preview_of
from proxyconf.views.files import attachment
from proxyconf.views.findings import shown_findings
from proxyconf.views.pages import CHANGE, PUBLISH, ProxyPage

_PER_PAGE = 50
_LONGEST_WHY = 2000


class Publish(ProxyPage):
    """Show changes and findings, ask for the reason, publish."""

    permission_required = PUBLISH
    template_name = "proxyconf/publish.html"
    title = gettext_lazy("Publish the profile of %(proxy)s")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        last = latest_revision(self.proxy)
        return super().get_context_data(
            profile=self.draft,
            last=last,
            changes=changes(last.value, self.value) if last else None,
            files=compared_files(last.value if last else None, self.value),
            findings=shown_findings(self.value, facts=self.facts),
            errors=self.errors,
            seen=mark_of(self.value),
            unchanged=last is not None and last.value == self.value,
            **kwargs,
        )

    @cached_property
    def errors(self) -> int:
        return sum(one.severity == "error" for one in shown_findings(self.value, facts=self.facts))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        why = request.POST.get("why", "").strip()[:_LONGEST_WHY]
        if request.POST.get("seen", "") != mark_of(self.value):
            messages.warning(request, _("The draft was changed meanwhile. Look at it again before you publish it."))
        elif self.errors and "despite_errors" not in request.POST:
            messages.error(request, _("There are errors. Fix them, or confirm that you want to publish despite them."))
        else:
            draft = get_object_or_404(Profile, proxy=self.proxy)
            by = request.user if request.user.is_authenticated else None
            revision = publish(draft, by=by, why=why)
            self.kept(Action.CHANGED, published=revision.number, why=why)
            messages.success(request, _("Revision %(n)d is published.") % {"n": revision.number})
            return redirect("proxyconf:revision", self.proxy.name, revision.number)
        return self.render_to_response(self.get_context_data(why=why))


class RevisionListPage(ProxyPage):
    """The revisions of a proxy, the newest first; two can be compared."""

    template_name = "proxyconf/revision_list.html"
    title = gettext_lazy("Revisions of %(proxy)s")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        pages = Paginator(self.proxy.revisions.order_by("-number"), _PER_PAGE)
        page = pages.get_page(self.request.GET.get("page"))
        return super().get_context_data(page=page, **kwargs)


class _OfRevision(ProxyPage):
    @cached_property
    def revision(self) -> Revision:
        return get_object_or_404(Revision, proxy=self.proxy, number=self.kwargs["number"])


class RevisionPage(_OfRevision):
    """A revision: its changes and files."""

    template_name = "proxyconf/revision.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        before = self.revision.before()
        return super().get_context_data(
            title=_("Revision %(n)d of %(proxy)s") % {"proxy": self.proxy, "n": self.revision.number},
            revision=self.revision,
            before=before,
            newest=latest_revision(self.proxy),
            changes=changes(before.value, self.revision.value) if before else None,
            preview=preview_of(self.revision.value, server_host(self.request), self.request.GET.get("file", "")),
            has_draft=self.draft is not None,
            **kwargs,
        )


class RevisionFile(_OfRevision):
    """Download a file of a revision, or a ZIP of all."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        title = f"{self.proxy.name}-{self.revision.number}"
        return attachment(request, self.revision.value, self.proxy, kwargs.get("name", ""), title)


class Restore(_OfRevision):
    """Restore a revision as the draft."""

    permission_required = CHANGE
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        save_profile(self.proxy, restored(self.revision))
        self.kept(Action.CHANGED, draft="restored", revision=self.revision.number)
        messages.success(
            request,
            _("The draft is revision %(n)d again. Publish it to make it current.") % {"n": self.revision.number},
        )
        return redirect("proxyconf:edit", self.proxy.name)


class Compare(ProxyPage):
    """Compare two revisions, or a revision and the ``draft``."""

    template_name = "proxyconf/compare.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        first, second = self._side("first"), self._side("second")
        return super().get_context_data(
            title=_("Comparison for %(proxy)s") % {"proxy": self.proxy},
            first=first[0],
            second=second[0],
            changes=changes(first[1], second[1]),
            files=compared_files(first[1], second[1]),
            **kwargs,
        )

    def _side(self, name: str) -> tuple[str, AccountingProfile]:
        choice = self.request.GET.get(name, "")
        if choice == "draft":
            return _("the draft"), self.value
        if not (choice.isascii() and choice.isdecimal() and len(choice) < 10):
            raise Http404("no revision")
        revision = get_object_or_404(Revision, proxy=self.proxy, number=int(choice))
        return _("revision %(n)d") % {"n": revision.number}, revision.value


def compared_files(before: AccountingProfile | None, after: AccountingProfile) -> list[dict[str, Any]]:
    """Return the diffs of the files that differ between two profiles, without passwords."""
    old = {file.name: file.text for file in artefacts_of(before.masked())} if before else {}
    new = {file.name: file.text for file in artefacts_of(after.masked())}
    files = []
    for name in dict.fromkeys([*new, *old]):
        lines = compared(old.get(name, ""), new.get(name, ""))
        if lines:
            kind = "new" if name not in old else "gone" if name not in new else "changed"
            files.append({"name": name, "lines": lines, "kind": kind})
    return files
