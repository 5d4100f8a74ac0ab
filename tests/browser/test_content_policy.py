"""What the browser runs of a page into which somebody brought markup."""

from __future__ import annotations

from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

INJECT = """() => {
  const script = document.createElement("script");
  script.textContent = "window.injected = true";
  document.body.append(script);
  const button = document.createElement("button");
  button.setAttribute("onclick", "window.injected = true");
  document.body.append(button);
  button.click();
  return window.injected === true;
}"""


def test_markup_in_a_page_runs_no_script(page: Page, live_server: LiveServer, transactional_db: None) -> None:
    page.goto(f"{live_server.url}/admin/login/")
    assert page.evaluate(INJECT) is False
