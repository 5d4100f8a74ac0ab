"""Every place that says which version runs says the same."""

from __future__ import annotations

import django
import pytest
from django.test import Client
from django.urls import reverse

from accweb import __version__
from cdr import IS_COMPILED
from tests.conftest import Manage


@pytest.mark.parametrize("argument", ["--version", "version"])
def test_the_command_line_says_the_version_of_accweb_and_of_django(argument: str, manage: Manage) -> None:
    ended = manage(argument)
    code = "parsing and correlation compiled" if IS_COMPILED else "plain Python"
    assert (ended.returncode, ended.stdout) == (0, f"accweb {__version__} (Django {django.get_version()}, {code})\n")


def test_every_page_says_it_below(admin_client: Client) -> None:
    footer = f'<p class="app-footer">accweb {__version__}</p>'
    for name in (
        "cdr:call-list",
        "account",
        "admin:auth_user_changelist",
        "admin:auth_user_add",
        "admin:password_change",
    ):
        assert footer in admin_client.get(reverse(name)).content.decode()
    assert footer in admin_client.get("/no-such-page/").content.decode()


def test_the_api_says_it_at_an_address_and_in_its_schema(admin_client: Client) -> None:
    assert admin_client.get("/api/v1/version/").json() == {"version": __version__}
    assert admin_client.get("/api/v1/schema/").json()["info"]["version"] == __version__
    assert admin_client.get("/api/v1/").json()["version"].endswith("/api/v1/version/")


def test_prometheus_is_told(client: Client, db: None) -> None:
    assert f'accweb_info{{version="{__version__}"}} 1' in client.get("/metrics").content.decode()
