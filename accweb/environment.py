"""What the environment says, checked: a wrong value stops the start with one line that names it and the remedy."""

from __future__ import annotations

import os
import re
import secrets
import sys
import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_HOST = re.compile(r"\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]")


def stop(name: str, problem: object, remedy: str) -> NoReturn:
    """End the process: one line on stderr, status 1."""
    sys.exit(f"accweb: {name}: {problem}; {remedy}")


def text(name: str) -> str:
    """Return the variable without surrounding blanks; empty where it is not set."""
    return os.environ.get(name, "").strip()


def flag(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if value and value not in _TRUE + _FALSE:
        stop(name, f"{value!r} is neither yes nor no", "use 1 or 0")
    return value in _TRUE if value else default


def number(name: str, *, default: int, low: int, high: int) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isascii() or not value.isdecimal() or not low <= int(value) <= high:
        stop(name, f"{value!r} is no number from {low} to {high}", f"use one like {default}")
    return int(value)


def choice(name: str, allowed: Collection[str], *, default: str) -> str:
    """Return the variable in upper case, one of ``allowed``."""
    value = text(name).upper() or default
    if value not in allowed:
        stop(name, f"{value!r} is unknown", f"use one of {', '.join(allowed)}")
    return value


def hosts(name: str, *, default: list[str]) -> list[str]:
    """Return comma-separated host names: no scheme, no port (``example.net``, ``.example.net``, ``[::1]``, ``*``)."""
    found = [host.strip() for host in text(name).split(",") if host.strip()]
    for host in found:
        if not _HOST.fullmatch(host):
            stop(name, f"{host!r} is no host name", "give names without scheme and port, separated by commas")
    return found or default


def secret_key(name: str, folder: Path) -> str:
    """Return the variable, else the secret kept in ``folder``."""
    key = text(name)
    if key and (len(key) < 50 or len(set(key)) < 5):
        stop(name, "too short or too simple to be a secret", "give 50 random characters, or leave it out")
    return key or kept_secret(folder / "secret-key")


def kept_secret(file: Path) -> str:
    """Return the secret kept in ``file``; whoever comes first makes it, all others read the same.

    It is written under another name and linked into place whole, so no process ever reads half of it.
    """
    if not file.exists():
        with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=file.name) as draft:  # mode 0600
            draft.write(secrets.token_urlsafe(50))
            draft.flush()
            os.fsync(draft.fileno())
            with suppress(FileExistsError):
                os.link(draft.name, file)
    return file.read_text()


def data_folder(name: str, *, default: Path) -> Path:
    """Return the folder, made where it is missing (for its owner alone: it holds secrets and people's calls)."""
    folder = Path(text(name) or default).resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        stop(name, error, "name a folder that can be written to")
    return folder


def template_of_url(name: str, placeholders: Collection[str]) -> str:
    """Return an address to link to, with ``{placeholders}`` to be filled in; empty where none is set."""
    value = text(name)
    if not value:
        return ""
    known = ", ".join(f"{{{one}}}" for one in placeholders)
    if not value.startswith(("https://", "http://")):
        stop(
            name,
            "not the address of a web page",
            f"use one like https://HOST/search?callid={{call_id}}; known: {known}",
        )
    for found in re.findall("{(.*?)}", value):
        if found not in placeholders:
            stop(name, f"{{{found}}} is unknown", f"use {known}")
    return value


def redis(name: str) -> str:
    """Return the broker's address as Celery spells it; empty where none is set."""
    url = text(name)
    if not url:
        return ""
    for scheme in ("unix://", "redis+socket://"):
        if url.startswith(scheme + "/"):
            return "redis+socket://" + url.removeprefix(scheme)
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        stop(name, "not the address of a Redis server", "use redis://HOST:PORT/0 or unix:///PATH/OF/SOCKET")
    return url


def database(name: str, *, default: Path) -> dict[str, Any]:
    """Return Django's settings for the database that the variable names, else for the SQLite file ``default``.

    The address itself is never shown: it may hold a password.
    """
    url = text(name)
    if not url:
        return _sqlite(default)
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and (file := unquote(rest[1:])) and not file.startswith(":"):
        if not Path(file).parent.is_dir():
            stop(name, f"there is no folder {Path(file).parent}", "make it, or name another file")
        return _sqlite(Path(file).resolve())
    if scheme in ("postgresql", "postgres"):
        try:
            return _postgresql(url)
        except ValueError as error:
            stop(name, error, "use postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    stop(name, "neither SQLite nor PostgreSQL", "use sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE")


def _sqlite(file: Path) -> dict[str, Any]:
    # WAL: readers never wait for the one writer; IMMEDIATE: writers queue at BEGIN (busy timeout) and never fail
    # half-way with "database is locked".
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 60,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    """Read a libpq address; what follows ``?`` goes to libpq (``host`` for a socket's folder, ``sslmode``…)."""
    parts = urlsplit(url.replace("postgres://", "postgresql://", 1))
    options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    if not parts.path.strip("/"):
        raise ValueError("the address names no database")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": parts.port or "",
        "OPTIONS": options,
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }
