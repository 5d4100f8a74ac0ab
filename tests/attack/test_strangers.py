"""What strangers learn without a login, and what is left of a login that nobody uses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from accweb.environment import data_folder
from accweb.first_login import make_first_login

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via", "X-Forwarded-Proto"])
def test_a_stranger_behind_a_web_server_learns_only_whether_it_is_up(header: str, client: Client) -> None:
    assert client.get("/healthz", headers={header: "x"}).json().keys() == {"status"}
    assert client.get("/metrics", headers={header: "x"}).status_code == 401


def test_a_stranger_from_elsewhere_learns_only_whether_it_is_up(client: Client) -> None:
    assert client.get("/healthz", REMOTE_ADDR="203.0.113.9").json().keys() == {"status"}


def test_a_password_like_the_username_is_refused() -> None:
    with pytest.raises(ValidationError, match="too similar"):
        validate_password("analyst1", User(username="analyst"))


def test_an_idle_session_ends_and_a_page_that_refreshes_itself_does_not_prolong_it(admin_client: Client) -> None:
    admin_client.get("/account/")
    assert admin_client.session.get_expiry_age() <= timedelta(hours=2).total_seconds()
    session = admin_client.session
    session["used_at"] = used_at = int((timezone.now() - timedelta(hours=1)).timestamp())
    session.save()
    admin_client.get("/account/", headers={"HX-Request": "true"})
    assert admin_client.session["used_at"] == used_at
    admin_client.get("/account/")
    assert admin_client.session["used_at"] > used_at


def test_the_first_password_is_not_written_where_a_journal_keeps_it(tmp_path: Path) -> None:
    file = tmp_path / "admin-password"
    line = make_first_login(file)
    assert file.read_text().strip() not in line


def test_others_lose_their_rights_to_the_data_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCWEB_DATA_DIR", str(tmp_path))
    for name in ("secret-key", "admin-password", "accweb.sqlite3", "accweb.sqlite3-wal"):
        (tmp_path / name).touch(0o644)
        (tmp_path / name).chmod(0o644)
    data_folder("ACCWEB_DATA_DIR", default=tmp_path)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_pages_state_what_they_never_do(client: Client) -> None:
    headers = client.get("/admin/login/").headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["object-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["default-src"] == policy["form-action"] == "'self'"
    assert "'unsafe-inline'" not in policy["script-src"]
    assert "camera=()" in headers["Permissions-Policy"]
