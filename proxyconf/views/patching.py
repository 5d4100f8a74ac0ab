"""The draft as a patch for the configuration from which it was imported."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accweb.web.audit import Action
from proxyconf.comparison import DiffLine
from proxyconf.models.imported import RawFile, imported_files, patch_bytes, patchable_files, store_imported
from proxyconf.parse import shown_text
from proxyconf.parse.files import decoded
from proxyconf.patch import ConfigPatch, make_patch
from proxyconf.views.pages import CHANGE, ProxyPage


class _Patching(ProxyPage):
    @cached_property
    def imported(self) -> tuple[list[RawFile], tuple[str, ...]]:
        return imported_files(self.proxy)

    @cached_property
    def patch(self) -> ConfigPatch:
        files, defines = self.imported
        if not files:
            raise Http404("no configuration was imported")
        return make_patch(patchable_files(files), self.value, defines)


class PatchPage(_Patching):
    """Show the patch, and the changes that it does not contain."""

    template_name = "proxyconf/patch.html"
    title = gettext_lazy("Patch for the configuration of %(proxy)s")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = {"imported": [file.name for file in self.imported[0]]}
        if self.imported[0]:
            self.value  # noqa: B018 - raises Http404 without a draft
            context |= {"patch": self.patch, "files": patch_lines(self.patch.text)}
        return super().get_context_data(**kwargs, **context)


class PatchFile(_Patching):
    """Download the patch. It contains the passwords in its lines: without them it does not apply."""

    permission_required = CHANGE
    http_method_names = ["get"]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        content = patch_bytes(self.patch.text, self.imported[0])
        name = f'attachment; filename="{self.proxy.name}.patch"'
        return HttpResponse(content, content_type="text/x-diff", headers={"Content-Disposition": name})


class PatchApplied(_Patching):
    """Store the patched files as the proxy's configuration, against which the next patch is made."""

    permission_required = CHANGE
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        files, defines = self.imported
        encodings = {file.name: decoded(file.raw)[1] for file in files}
        patched = [RawFile(file.name, file.text.encode(encodings[file.name], "replace")) for file in self.patch.files]
        store_imported(self.proxy, patched, defines)
        self.kept(Action.CHANGED, patch="applied")
        messages.success(request, _("The next patch is made against the patched files."))
        return redirect("proxyconf:patch", self.proxy.name)


def patch_lines(patch: str) -> list[dict[str, Any]]:
    """Return the lines of a patch by file, without passwords."""
    files: list[dict[str, Any]] = []
    for line in patch.splitlines():
        if line.startswith("--- a/"):
            files.append({"name": line.removeprefix("--- a/"), "lines": [], "kind": "changed"})
        elif files and not line.startswith(("+++ b/", "\\")):
            kind = line[0] if line[0] in "+-@" else " "
            files[-1]["lines"].append(DiffLine(kind, line if kind == "@" else shown_text(line[1:])))
    return files
