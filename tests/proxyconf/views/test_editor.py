from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from proxyconf.forms.profile import ProfileForm
from proxyconf.models import Profile, Proxy
from proxyconf.models.profile import profile_of, save_profile
from proxyconf.profile import ExtraDefinition
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_proxy
from tests.proxyconf.forms.sending import sent
from tests.proxyconf.models.test_profile import WHOLE

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def stored(proxy: Proxy) -> object:
    return profile_of(Profile.objects.get(proxy=proxy))


def send(client: Client, proxy: Proxy, seen: str | None = None, **changes: str) -> object:
    page = client.get(reverse("proxyconf:edit", args=[proxy.name]))
    data = sent(page.context["form"], **changes)
    data["seen"] = page.context["seen"] if seen is None else seen
    return client.post(reverse("proxyconf:edit", args=[proxy.name]), dict(data.lists()))


def preview(client: Client, proxy: Proxy, **changes: str) -> str:
    value = profile_of(Profile.objects.get(proxy=proxy))
    data = sent(ProfileForm(value), **changes)
    address = reverse("proxyconf:preview", args=[proxy.name])
    return client.post(address, dict(data.lists()), headers=HTMX).text


def test_a_proxy_without_a_profile_is_told_how_to_begin(editor: Client) -> None:
    make_proxy("new", product="openser", version="1.3")
    page = editor.get(reverse("proxyconf:profile", args=["new"]))
    assert "Start with suggestion" in page.text
    assert "OpenSER 1.3 has no accounting to events: it belongs to OpenSIPS." in page.text


def test_without_any_proxy_the_page_says_what_to_do(editor: Client) -> None:
    assert "No proxies yet" in editor.get(reverse("proxyconf:profiles")).text


def test_a_suggestion_has_a_flag_for_each_chosen_backend(editor: Client) -> None:
    proxy = make_proxy("new")
    response = editor.post(reverse("proxyconf:start", args=["new"]), {"backends": ["syslog", "radius", "events"]})
    assert response.headers["Location"] == reverse("proxyconf:edit", args=["new"])
    assert set(stored(proxy).flags.account) == {Backend.SYSLOG, Backend.RADIUS}


def test_beginning_again_overwrites_nothing(editor: Client, proxy: Proxy) -> None:
    editor.post(reverse("proxyconf:start", args=[proxy.name]), {"backends": ["syslog"]})
    assert stored(proxy) == WHOLE


def test_options_and_findings_are_explained_in_the_readers_language(editor: Client, proxy: Proxy) -> None:
    save_profile(proxy, replace(WHOLE, options={"report_ack": 1}))
    html = editor.get(reverse("proxyconf:edit", args=[proxy.name]), headers={"Accept-Language": "es"}).text
    assert "Contabiliza el ACK de extremo a extremo de un INVITE contabilizado. (por defecto " in html
    assert "Cada llamada tiene dos líneas que parecen su comienzo." in html
    assert "Opción report_ack" in html
    assert "Each call has two lines" not in html


def test_what_the_form_says_of_its_rows_is_in_the_readers_language(editor: Client, proxy: Proxy) -> None:
    address = reverse("proxyconf:edit", args=[proxy.name])
    assert 'content="Row added."' in editor.get(address).text
    assert 'content="Se añadió una fila."' in editor.get(address, headers={"Accept-Language": "es"}).text


def test_saving_the_page_as_it_is_changes_nothing(editor: Client, proxy: Proxy) -> None:
    assert send(editor, proxy).status_code == 302
    assert stored(proxy) == WHOLE


def test_a_draft_is_saved_right_or_wrong(editor: Client, proxy: Proxy) -> None:
    send(editor, proxy, **{"extras-0-label_syslog": "a=b", "flag_syslog": "77"})
    assert stored(proxy).extras[0].labels[Backend.SYSLOG] == "a=b"
    assert stored(proxy).flags.account[Backend.SYSLOG].number == 77


def test_what_cannot_be_read_is_not_saved_and_marked(editor: Client, proxy: Proxy) -> None:
    response = send(editor, proxy, flag_syslog="4 5", option_early_media="")
    assert response.status_code == 200
    assert "&#x27;4 5&#x27; is not a valid flag" in response.text
    assert stored(proxy) == WHOLE


def test_a_draft_that_changed_meanwhile_is_not_overwritten_unasked(editor: Client, proxy: Proxy) -> None:
    page = editor.get(reverse("proxyconf:edit", args=[proxy.name]))
    other = replace(WHOLE, options={})
    save_profile(proxy, other)
    response = send(editor, proxy, seen=page.context["seen"], option_log_facility="LOG_LOCAL1")
    assert "was changed meanwhile" in response.text
    assert stored(proxy) == other


def test_no_page_shows_a_password(editor: Client, proxy: Proxy) -> None:
    for name in ("edit", "profile", "publish"):
        page = editor.get(reverse(f"proxyconf:{name}", args=[proxy.name])).text
        assert "geheim" not in page
        assert "streng" not in page
        assert "********" in page


class TestThePreview:
    def test_shows_what_the_form_holds_and_saves_nothing(self, editor: Client, proxy: Proxy) -> None:
        text = preview(editor, proxy, **{"extras-0-label_syslog": "quite_new"})
        assert "quite_new=$fU" in text
        assert stored(proxy) == WHOLE

    def test_shows_the_chosen_file(self, editor: Client, proxy: Proxy) -> None:
        assert "ADD COLUMN IF NOT EXISTS" in preview(editor, proxy, file="postgresql.sql")

    def test_hides_the_password_that_is_being_typed(self, editor: Client, proxy: Proxy) -> None:
        text = preview(editor, proxy, option_db_url="mysql://acc:frisch@db/acc")
        assert "frisch" not in text
        assert "mysql://acc:********@db/acc" in text

    def test_names_what_cannot_be_read_and_shows_the_rest(self, editor: Client, proxy: Proxy) -> None:
        text = preview(editor, proxy, flag_syslog="4 5", option_log_facility="LOG_LOCAL3")
        assert "log_flag: &#x27;4 5&#x27; is not a valid flag" in text
        assert "LOG_LOCAL3" in text

    def test_is_a_part_of_a_page(self, editor: Client, proxy: Proxy) -> None:
        assert "<html" not in preview(editor, proxy)

    def test_shows_hostile_labels_as_text(self, editor: Client, proxy: Proxy) -> None:
        text = preview(editor, proxy, **{"extras-0-label_syslog": "<script>alert(1)</script>"})
        assert "<script" not in text
        assert "&lt;script&gt;" in text

    def test_leads_from_a_finding_to_its_field(self, editor: Client, proxy: Proxy) -> None:
        save_profile(proxy, replace(WHOLE, extras=(ExtraDefinition("x", "$fU", {Backend.SYSLOG: "x"}), *WHOLE.extras)))
        text = preview(editor, proxy, **{"extras-1-label_syslog": "a=b", "extras-0-DELETE": "on"})
        assert 'href="#id_extras-1-label_syslog"' in text
