"""What the tests share: the recorded calls, real servers, a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.cache import caches
from django.db import connection
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Page, sync_playwright

from tests import servers

ROOT = Path(__file__).resolve().parent.parent
RECORDED = Path(__file__).resolve().parent / "recorded"


# No test measures time, and a busy machine is no fault; CI tries the same examples each time.
settings.register_profile(
    "accweb", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("accweb")


@pytest.fixture(autouse=True)
def unlimited() -> None:
    """No test is held to what another has asked of the API."""
    caches["limits"].clear()


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of the recorded scenarios."""
    return RECORDED


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The address of a real Redis server: the one that the environment names, else one started for this run."""
    return os.environ.get("TEST_REDIS_URL") or servers.redis_server()


@pytest.fixture
def database_url(transactional_db: None) -> str:
    """The address of the test's own database, for processes that the test starts."""
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    server = f"{quote(found['USER'], safe='')}:{quote(found['PASSWORD'], safe='')}@"
    port = f":{found['PORT']}" if found["PORT"] else ""
    if found["HOST"].startswith("/"):
        return f"postgresql://{server}{port}/{found['NAME']}?host={quote(found['HOST'], safe='')}"
    return f"postgresql://{server}{found['HOST']}{port}/{found['NAME']}"


Manage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def manage(database_url: str, tmp_path: Path) -> Manage:
    """Run ``manage.py ARGUMENTS`` as a process on the test's database; keywords: ``input`` and further environment."""

    def run(*arguments: str, input: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ROOT / "manage.py", *arguments],
            input=input,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "accweb.settings",
                "DATABASE_URL": database_url,
                "ACCWEB_DATA_DIR": str(tmp_path / "data"),
                **environment,
            },
            check=False,
            timeout=servers.PATIENCE,
        )

    return run


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium, the system's (``CHROMIUM`` may name another)."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    # Playwright keeps an event loop in this thread, which Django would take for an asynchronous caller of the ORM.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page with a fresh profile, 1280 × 900."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="UTC", locale="en-GB")
    opened = context.new_page()
    yield opened
    context.close()
