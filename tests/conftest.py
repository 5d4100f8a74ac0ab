"""What the tests share: which of them run, the recorded calls, real servers, a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.db import connection
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Page, sync_playwright

from tests import servers

ROOT = Path(__file__).resolve().parent.parent
TESTS = Path(__file__).resolve().parent
RECORDED = TESTS / "recorded"
FIELD = TESTS / "field"
DATABASE_FIXTURES = {"db", "transactional_db"}
PROCESS_FIXTURES = {"browser", "database_url", "live_server", "mariadb_socket", "redis_url"}
PROCESS_FOLDERS = tuple(TESTS / name for name in ("browser", "e2e", "kamailio"))

# No test measures time, and a busy machine is no fault; CI tries the same examples each time.
settings.register_profile(
    "accweb", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", settings.get_profile("accweb"), max_examples=10)
settings.load_profile("accweb")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("accweb")
    group.addoption("--database-only", action="store_true", help="run only the tests that use the database")
    group.addoption(
        "--quick", action="store_true", help="leave out the tests that start other programs or commit transactions"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.option.quick:
        settings.load_profile("quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = [
        item
        for item in items
        if (uses_database(item) or not config.option.database_only) and (is_quick(item) or not config.option.quick)
    ]
    if len(chosen) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen


def uses_database(item: pytest.Item) -> bool:
    return bool(DATABASE_FIXTURES & _fixtures(item)) or item.get_closest_marker("django_db") is not None


def is_quick(item: pytest.Item) -> bool:
    """Tell whether a test runs in this process alone, and in a transaction that is rolled back."""
    marker = item.get_closest_marker("django_db")
    commits = "transactional_db" in _fixtures(item) or (marker is not None and marker.kwargs.get("transaction"))
    starts_programs = PROCESS_FIXTURES & _fixtures(item) or any(
        item.path.is_relative_to(folder) for folder in PROCESS_FOLDERS
    )
    return not commits and not starts_programs and item.get_closest_marker("thorough") is None


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", autouse=True)
def emptied_audit_log() -> Iterator[None]:
    """Lift the protection of the audit log while Django empties the tables after a test that commits."""
    operations, protection = type(connection.ops), import_module("accweb.web.migrations.0006_audit_append_only")
    sql_flush = operations.sql_flush
    if connection.vendor == "postgresql":
        lift = ["ALTER TABLE accweb_auditentry DISABLE TRIGGER USER"]
        protect = ["ALTER TABLE accweb_auditentry ENABLE TRIGGER USER"]
    else:
        lift, protect = [*protection.SQLITE_BACK], [*protection.SQLITE]

    def flush(self: object, style: object, tables: list[str], **options: bool) -> list[str]:
        statements: list[str] = sql_flush(self, style, tables, **options)
        return [*lift, *statements, *protect] if "accweb_auditentry" in tables else statements

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "sql_flush", flush)
        yield


@pytest.fixture(autouse=True)
def unlimited() -> None:
    """Forget the requests that other tests made, and what was cached for them."""
    cache.clear()
    from accweb.web import throttle  # when Django is set up

    throttle.forget_blocks()


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of the recorded scenarios."""
    return RECORDED


@pytest.fixture(scope="session")
def redis_url(worker_id: str) -> str:
    """The address of a real Redis server: the one that the environment names, else one started for this process.

    Of parallel test processes only the first uses the named one: sharing a server, they would run each other's tasks.
    """
    named = os.environ.get("TEST_REDIS_URL", "") if worker_id in ("master", "gw0") else ""
    return named or servers.redis_server()


@pytest.fixture
def database_url(transactional_db: None) -> str:
    """The address of the test's own database, for processes that the test starts."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    login = f"{quote(database['USER'], safe='')}:{quote(database['PASSWORD'], safe='')}@"
    port = f":{database['PORT']}" if database["PORT"] else ""
    if database["HOST"].startswith("/"):
        return f"postgresql://{login}{port}/{database['NAME']}?host={quote(database['HOST'], safe='')}"
    return f"postgresql://{login}{database['HOST']}{port}/{database['NAME']}"


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
