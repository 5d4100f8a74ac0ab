from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from proxyconf.models import Profile, Proxy
from proxyconf.models.profile import profile_of
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_proxy
from tests.proxyconf.models.test_profile import WHOLE

pytestmark = pytest.mark.django_db

TEXT = """\
#!ifdef WITH_SQL
modparam("acc", "db_flag", 2)
modparam("acc", "db_url", "mysql://acc:streng-geheim@db/acc")
#!endif
modparam("acc", "log_flag", 1)
modparam("acc", "log_extra", "ua=$ua")
modparam("acc", "log_colour", "blue")
"""


def address(proxy: Proxy) -> str:
    return reverse("proxyconf:import", args=[proxy.name])


def test_a_pasted_text_is_shown_before_it_is_taken(editor: Client, proxy: Proxy) -> None:
    page = editor.post(address(proxy), {"text": TEXT})
    assert "extra field src" in page.text
    assert "log_colour" in page.text
    assert [choice.name for choice in page.context["found"].choices] == ["WITH_SQL"]
    assert profile_of(Profile.objects.get()) == WHOLE


def test_what_is_ignored_is_said_in_the_readers_language(editor: Client, proxy: Proxy) -> None:
    page = editor.post(address(proxy), {"text": TEXT}, headers={"Accept-Language": "es"})
    assert "se conserva tal cual" in page.text
    assert "kept as it is" not in page.text


def test_the_answers_and_the_text_go_into_the_draft(editor: Client, proxy: Proxy) -> None:
    sealed = editor.post(address(proxy), {"text": TEXT}).context["sealed"]
    again = editor.post(address(proxy), {"sealed": sealed, "defines": ["WITH_SQL"]})
    response = editor.post(address(proxy), {"sealed": again.context["sealed"], "defines": ["WITH_SQL"], "take": "1"})
    assert response.headers["Location"] == reverse("proxyconf:edit", args=[proxy.name])
    found = profile_of(Profile.objects.get())
    assert found.backends == (Backend.SYSLOG, Backend.SQL)
    assert found.options["db_url"] == "mysql://acc:streng-geheim@db/acc"
    assert [one.name for one in found.extras] == ["ua"]


def test_a_password_in_the_text_is_in_no_answer(editor: Client) -> None:
    page = editor.post(address(make_proxy("new")), {"text": TEXT, "defines": ["WITH_SQL"]})
    assert "acc:********@db" in page.text
    assert "streng-geheim" not in page.text


def test_a_file_is_uploaded(editor: Client, recorded: Path) -> None:
    proxy = make_proxy("new")
    config = (recorded / "12-extra-accounting" / "acc.cfg").read_bytes()
    page = editor.post(address(proxy), {"file": SimpleUploadedFile("kamailio.cfg", config)})
    assert "kamailio.cfg" in page.text
    assert page.context["found"].profile.extras


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "Paste the configuration, or choose its file."),
        ({"text": " \n"}, "Paste the configuration, or choose its file."),
        ({"text": "x" * 1_000_001}, "larger than 1 MB"),
        ({"sealed": "tampered"}, "cannot be read any more"),
    ],
)
def test_what_cannot_be_read_is_said(data: dict[str, str], says: str, editor: Client, proxy: Proxy) -> None:
    assert says in editor.post(address(proxy), data).text


def test_a_configuration_of_another_product_is_pointed_out(editor: Client) -> None:
    proxy = make_proxy("new")
    page = editor.post(address(proxy), {"text": 'modparam("acc", "extra_fields", "log: ua")\ndo_accounting("log");'})
    assert "This looks like a configuration of OpenSIPS" in page.text


def test_a_text_without_accounting_is_pointed_out(editor: Client, proxy: Proxy) -> None:
    assert "The text contains no accounting" in editor.post(address(proxy), {"text": "listen=udp:1.2.3.4"}).text


def test_bytes_that_are_no_text_cost_nothing_else(editor: Client, proxy: Proxy) -> None:
    config = b'modparam("acc", "log_flag", 1)\nmodparam("acc", "log_extra", "a\0\xff=$ua;ua=$ua")\n'
    sealed = editor.post(address(proxy), {"file": SimpleUploadedFile("k.cfg", config)}).context["sealed"]
    assert editor.post(address(proxy), {"sealed": sealed, "take": "1"}).status_code == 302
    assert [one.name for one in profile_of(Profile.objects.get()).extras][-1] == "ua"
