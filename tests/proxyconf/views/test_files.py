from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from proxyconf.artefacts import artefacts_of, find_artefact
from proxyconf.models import FetchToken, Profile, Proxy
from proxyconf.models.fetch_token import new_token
from proxyconf.models.profile import save_profile
from proxyconf.models.revision import publish
from tests.factories import make_proxy
from tests.proxyconf.models.test_profile import WHOLE
from tests.proxyconf.views.conftest import Login

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(proxy: Proxy) -> str:
    publish(Profile.objects.get(), by=None)
    return new_token(proxy, by=None)


def fetch(client: Client, token: str, name: str = "acc.cfg", **headers: str) -> object:
    address = reverse("proxyconf:fetch", args=["edge-1", name])
    return client.get(address, headers={"Authorization": f"Bearer {token}", **headers})


def unzipped(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


class TestDownloads:
    def test_hold_the_password_for_who_may_change_it(self, editor: Client, proxy: Proxy) -> None:
        response = editor.get(reverse("proxyconf:file", args=[proxy.name, "acc.cfg"]))
        assert "acc:geheim@db" in response.text
        assert response.headers["Content-Disposition"] == 'attachment; filename="acc.cfg"'

    def test_hold_asterisks_for_who_may_only_look(self, login: Login, proxy: Proxy) -> None:
        publish(Profile.objects.get(), by=None)
        viewer = login("view_profile")
        for name, rest in (("file", ["acc.cfg"]), ("revision-file", [1, "acc.cfg"])):
            text = viewer.get(reverse(f"proxyconf:{name}", args=[proxy.name, *rest])).text
            assert "geheim" not in text
            assert "acc:********@db" in text
        for name, rest in (("zip", []), ("revision-zip", [1])):
            content = viewer.get(reverse(f"proxyconf:{name}", args=[proxy.name, *rest])).content
            assert "geheim" not in "".join(unzipped(content).values())

    def test_all_files_come_in_one_folder(self, editor: Client, proxy: Proxy) -> None:
        content = editor.get(reverse("proxyconf:zip", args=[proxy.name])).content
        assert unzipped(content) == {f"edge-1/{one.name}": one.text for one in artefacts_of(WHOLE, "testserver")}

    def test_a_file_in_a_folder_is_saved_under_its_own_name(self, editor: Client, proxy: Proxy) -> None:
        name = next(one.name for one in artefacts_of(WHOLE) if one.name.endswith(".sql"))
        response = editor.get(reverse("proxyconf:file", args=[proxy.name, name]))
        assert response.headers["Content-Disposition"].endswith(f'filename="{name.rpartition("/")[2]}"')

    def test_of_an_old_revision_are_those_of_then(self, editor: Client, proxy: Proxy) -> None:
        publish(Profile.objects.get(), by=None)
        save_profile(proxy, replace(WHOLE, extras=()))
        response = editor.get(reverse("proxyconf:revision-file", args=[proxy.name, 1, "acc.cfg"]))
        assert "src_user=$fU" in response.text

    @pytest.mark.parametrize("name", ["nothing.cfg", "../acc.cfg", "acc.cfg/"])
    def test_of_an_unknown_name_are_not_found(self, name: str, editor: Client, proxy: Proxy) -> None:
        assert editor.get(f"/configuration/edge-1/files/{name}").status_code == 404


class TestFetching:
    def test_gives_what_was_published_not_the_draft(self, client: Client, proxy: Proxy, token: str) -> None:
        save_profile(proxy, replace(WHOLE, extras=()))
        response = fetch(client, token)
        found = find_artefact(WHOLE, "acc.cfg")
        assert found is not None
        assert response.text == found.text
        assert response.headers["X-Revision"] == "1"

    def test_sends_nothing_that_the_asker_has(self, client: Client, token: str) -> None:
        etag = fetch(client, token).headers["ETag"]
        for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            again = fetch(client, token, **{"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)

    def test_sends_what_changed(self, client: Client, proxy: Proxy, token: str) -> None:
        etag = fetch(client, token).headers["ETag"]
        publish(save_profile(proxy, replace(WHOLE, extras=())), by=None)
        assert fetch(client, token, **{"If-None-Match": etag}).status_code == 200

    def test_gives_all_files_with_an_etag_that_stays(self, client: Client, token: str) -> None:
        address = reverse("proxyconf:fetch-zip", args=["edge-1"])
        first, again = (client.get(address, headers={"Authorization": f"Bearer {token}"}) for _ in range(2))
        assert "edge-1/acc.cfg" in unzipped(first.content)
        assert first.headers["ETag"] == again.headers["ETag"]

    def test_leads_the_log_to_where_accweb_was_asked(self, client: Client, token: str) -> None:
        with override_settings(ALLOWED_HOSTS=["accweb.example.net"]):
            text = fetch(client, token, "rsyslog.conf", Host="accweb.example.net:8000").text
        assert 'target="accweb.example.net" port="5140"' in text

    def test_sets_no_cookie(self, client: Client, token: str) -> None:
        assert not fetch(client, token).cookies

    @pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic {token}", "Bearer {token}x", "{token}"])
    def test_is_refused_without_the_token(self, given: str, client: Client, token: str) -> None:
        headers = {"Authorization": given.format(token=token)}
        response = client.get(reverse("proxyconf:fetch", args=["edge-1", "acc.cfg"]), headers=headers)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")

    def test_is_refused_with_the_token_of_another_proxy(self, client: Client, token: str) -> None:
        assert fetch(client, new_token(make_proxy("other"), by=None)).status_code == 401

    def test_tells_nobody_which_proxies_there_are(self, client: Client, token: str) -> None:
        headers = {"Authorization": "Bearer wrong"}
        known, unknown = (client.get(f"/fetch/{name}/acc.cfg", headers=headers) for name in ("edge-1", "nowhere"))
        assert (known.status_code, known.content) == (unknown.status_code, unknown.content)

    def test_is_not_for_a_login(self, editor: Client, token: str) -> None:
        assert editor.get(reverse("proxyconf:fetch", args=["edge-1", "acc.cfg"])).status_code == 401

    def test_names_the_files_there_are(self, client: Client, token: str) -> None:
        response = fetch(client, token, "nothing.cfg")
        assert response.status_code == 404
        assert "acc.cfg" in response.text

    def test_before_anything_was_published_says_so(self, client: Client, proxy: Proxy) -> None:
        response = fetch(client, new_token(proxy, by=None))
        assert (response.status_code, response.text) == (404, "Nothing was published for this proxy yet.\n")


class TestTheToken:
    def test_is_shown_once_and_stored_as_a_hash(self, editor: Client, client: Client, proxy: Proxy) -> None:
        publish(Profile.objects.get(), by=None)
        editor.post(reverse("proxyconf:token", args=[proxy.name]))
        page = reverse("proxyconf:profile", args=[proxy.name])
        token = editor.get(page).context["new_token"]
        assert fetch(client, token).status_code == 200
        assert token not in editor.get(page).text
        assert FetchToken.objects.get().digest != token

    def test_takes_the_place_of_the_one_before(self, client: Client, proxy: Proxy, token: str) -> None:
        new_token(proxy, by=None)
        assert fetch(client, token).status_code == 401

    def test_can_be_withdrawn(self, editor: Client, client: Client, proxy: Proxy, token: str) -> None:
        editor.post(reverse("proxyconf:token", args=[proxy.name]), {"withdraw": "1"})
        assert fetch(client, token).status_code == 401
