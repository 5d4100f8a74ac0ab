from pathlib import Path

import pytest
from django.contrib.auth import authenticate, get_user_model

from accweb.first_login import make_first_login

pytestmark = pytest.mark.django_db


def test_the_first_login_is_an_administrator_with_the_password_that_is_shown(tmp_path: Path) -> None:
    line = make_first_login(tmp_path / "password", show_password=True)
    password = (tmp_path / "password").read_text().strip()
    assert password in line
    user = authenticate(username="admin", password=password)
    assert user is not None
    assert user.is_superuser


def test_the_password_is_kept_for_the_owner_of_the_file_alone(tmp_path: Path) -> None:
    make_first_login(tmp_path / "password")
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600


def test_the_password_is_shown_once(tmp_path: Path) -> None:
    make_first_login(tmp_path / "password")
    line = make_first_login(tmp_path / "password")
    assert (tmp_path / "password").read_text().strip() not in line
    assert str(tmp_path / "password") in line


def test_where_people_have_logins_none_is_made(tmp_path: Path) -> None:
    get_user_model().objects.create_user("someone")
    make_first_login(tmp_path / "password")
    assert get_user_model().objects.count() == 1
    assert not (tmp_path / "password").exists()
