"""Generated files, for download in the browser and for deployment tools.

Users who may change a profile get its files with the database password, all others with the password masked.
"""

from __future__ import annotations

import math
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.http import parse_etags
from django.utils.text import get_valid_filename
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accweb.web.api.limits import take_known, take_unknown
from accweb.web.server_host import server_host
from proxyconf.artefacts import artefacts_of, etag_of, find_artefact, zipped
from proxyconf.models import FetchToken, Proxy
from proxyconf.models.revision import latest_revision
from proxyconf.profile import AccountingProfile
from proxyconf.views.pages import CHANGE, ProxyPage

_TEXT, _ZIP = "text/plain; charset=utf-8", "application/zip"


def content_of(profile: AccountingProfile, proxy: Proxy, name: str, collector: str) -> tuple[bytes, str]:
    """Return the content and media type of a file, or of a ZIP of all files if ``name`` is empty.

    Raise ``Http404`` if the profile has no such file.
    """
    if not name:
        return zipped(artefacts_of(profile, collector), proxy.name), _ZIP
    artefact = find_artefact(profile, name, collector)
    if artefact is None:
        raise Http404(f"no file {name}")
    return artefact.text.encode(), _TEXT


class DraftFile(ProxyPage):
    """Download a file of the draft, or a ZIP of all."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return attachment(request, self.value, self.proxy, kwargs.get("name", ""), self.proxy.name)


def attachment(request: HttpRequest, profile: AccountingProfile, proxy: Proxy, name: str, title: str) -> HttpResponse:
    """Return a download of a file, or of all; with passwords if the user may change the profile."""
    visible = profile if request.user.has_perm(CHANGE) else profile.masked()
    content, media_type = content_of(visible, proxy, name, server_host(request))
    filename = get_valid_filename(name.rpartition("/")[2] if name else f"{title}.zip")
    return HttpResponse(
        content, content_type=media_type, headers={"Content-Disposition": f'attachment; filename="{filename}"'}
    )


@method_decorator(never_cache, name="dispatch")
@method_decorator(require_safe, name="dispatch")
class Fetch(View):
    """What was published last for a proxy, for tools that hold its token; no session, no cookie.

    ``Authorization: Bearer TOKEN``. The answer has an ETag; with it in ``If-None-Match`` the next one is 304 until
    something else is published. An unknown proxy is answered like a wrong token.
    """

    def get(self, request: HttpRequest, proxy: str, name: str = "") -> HttpResponse:
        word, _, given = request.headers.get("Authorization", "").partition(" ")
        token = FetchToken.objects.select_related("proxy").filter(proxy__name=proxy).first()
        is_known = word.lower() == "bearer" and token is not None and token.accepts(given.strip())
        if wait := take_known(f"proxy {proxy}") if is_known else take_unknown(request):
            answer = _plain(f"That is too often; try again in {math.ceil(wait)} seconds.", 429)
            answer["Retry-After"] = str(math.ceil(wait))
            return answer
        if token is None or not is_known:
            return _plain("A token of this proxy is needed: Authorization: Bearer TOKEN", 401)
        revision = latest_revision(token.proxy)
        if revision is None:
            return _plain("Nothing was published for this proxy yet.", 404)
        try:
            content, media_type = content_of(revision.value, token.proxy, name, server_host(request))
        except Http404:
            names = ", ".join(one.name for one in artefacts_of(revision.value))
            return _plain(f"There is no such file. There are: {names}", 404)
        etag = etag_of(content)
        headers = {"ETag": etag, "X-Revision": str(revision.number)}
        known = parse_etags(request.headers.get("If-None-Match", ""))
        if "*" in known or etag in {one.removeprefix("W/") for one in known}:
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(content, content_type=media_type, headers=headers)


def _plain(text: str, status: int) -> HttpResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return HttpResponse(f"{text}\n", status=status, content_type=_TEXT, headers=headers)
