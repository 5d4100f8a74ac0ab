"""Second factors in a real browser, with Chromium's virtual authenticator as the device."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accweb.web.models import GroupPolicy
from accweb.web.roles import VIEWER
from tests.identity import PASSWORD, App


@pytest.fixture
def ann(transactional_db: None) -> User:
    user = User.objects.create_user("ann", password=PASSWORD, is_staff=True)
    viewers, _ = Group.objects.get_or_create(name=VIEWER)
    GroupPolicy.objects.update_or_create(group=viewers, defaults={"second_factor": True})
    user.groups.add(viewers)
    return user


@pytest.fixture
def device(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page whose device confirms everything by itself. Passkeys need a host name: localhost. No errors may occur."""
    context = browser.new_context(
        base_url=live_server.url.replace("127.0.0.1", "localhost"), timezone_id="UTC", locale="en-GB"
    )
    page, errors = context.new_page(), []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield page
    context.close()
    assert errors == []


def enter_password(page: Page) -> None:
    page.goto("/admin/login/?next=/account/")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def log_out(page: Page) -> None:
    page.context.clear_cookies()


def test_a_member_who_must_have_a_passkey_adds_one_and_logs_in_with_it_alone(ann: User, device: Page) -> None:
    enter_password(device)
    expect(device.get_by_text("Your role requires a second factor.")).to_be_visible()
    device.get_by_role("link", name="Add a passkey").click()
    device.get_by_label("Name").fill("my phone")
    device.get_by_label("Log in without a password").check()
    device.get_by_role("button", name="Add", exact=True).click()
    expect(device.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    assert Authenticator.objects.filter(user=ann, type=Authenticator.Type.WEBAUTHN).count() == 1

    log_out(device)
    device.goto("/admin/login/?next=/account/")
    device.get_by_role("button", name="Use a passkey").click()
    device.wait_for_url("**/account/")
    expect(device.get_by_role("heading", name="My permissions")).to_be_visible()


def test_a_passkey_is_the_second_factor_after_the_password(ann: User, device: Page) -> None:
    enter_password(device)
    device.get_by_role("link", name="Add a passkey").click()
    device.get_by_label("Name").fill("my key")
    device.get_by_role("button", name="Add", exact=True).click()
    expect(device.get_by_role("heading", name="Your recovery codes")).to_be_visible()

    log_out(device)
    enter_password(device)
    expect(device.get_by_label("Security code")).to_be_visible()
    device.get_by_role("button", name="Use a passkey").click()
    expect(device.get_by_role("heading", name="My permissions")).to_be_visible()


def test_a_code_is_the_second_factor_after_the_password(ann: User, device: Page) -> None:
    app = App(ann)
    enter_password(device)
    device.get_by_label("Security code").fill("12")
    device.get_by_role("button", name="Log in").click()
    expect(device.get_by_text("Incorrect code.")).to_be_visible()
    device.get_by_label("Security code").fill(app.code())
    device.get_by_role("button", name="Log in").click()
    expect(device.get_by_role("heading", name="My permissions")).to_be_visible()
