"""Create the first administrator of a new installation."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.contrib.auth import get_user_model

NAME = "admin"


def make_first_login(file: Path, *, show_password: bool = False) -> str:
    """Create the administrator, with a password stored in ``file``, if there are no users; return how to log in.

    ``show_password`` adds a new password to the returned line; it must not get into a log.
    """
    users = get_user_model().objects
    if not users.exists():
        password = secrets.token_urlsafe(12)
        _write(file, password)
        users.create_superuser(NAME, password=password)
        if show_password:
            return f"login: {NAME}  password: {password}  (stored in {file})"
    if file.exists():
        return f"login: {NAME}  initial password: see {file}"
    return "login: as before"


def _write(file: Path, password: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as out:  # noqa: PTH123  # a descriptor, not a path
        out.write(password + "\n")
