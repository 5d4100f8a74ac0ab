"""Problems of data collection stand where everybody looks; the wall shows them with large figures."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from proxyconf.models import ProxyLimit
from tests.factories import make_event, make_proxy, make_rejected, make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def failing() -> None:
    """A proxy that is well, one that rejects input, one whose receiver does not run."""
    make_event(source=make_source(proxy=make_proxy(name="well")))
    make_rejected(source=make_source(proxy=make_proxy(name="rejecting"), rejected=1))
    make_source(proxy=make_proxy(name="stopped"), kind="syslog")


def test_the_overview_begins_with_the_problems_and_the_menu_counts_them(failing: None, admin_client: Client) -> None:
    html = admin_client.get("/?period=all").text
    assert "2 proxies have a problem" in html
    assert html.index("2 proxies have a problem") < html.index("Key figures")
    assert re.search(r"Health.{0,600}>\s*2\s*<", html, re.DOTALL)


def test_no_problem_no_banner(admin_client: Client) -> None:
    assert 'id="problems"' not in admin_client.get("/?period=all").text


def test_the_wall_shows_figures_and_problems_and_no_controls(failing: None, admin_client: Client) -> None:
    html = admin_client.get("/?period=all&wall=1").text
    assert "2 proxies have a problem" in html
    assert "Minutes" in html
    assert "<form" not in html
    assert "nav-sidebar" not in html


def test_a_limited_reader_sees_the_wall_of_the_own_proxies(failing: None, viewer: Client) -> None:
    limit = ProxyLimit.objects.create(user=User.objects.get(pk=viewer.session["_auth_user_id"]))
    limit.proxies.add(make_proxy(name="well"))
    assert "have a problem" not in viewer.get("/?wall=1").text
