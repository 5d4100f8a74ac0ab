"""Read settings from the environment; a wrong value ends the start with one line that names it and the remedy.

environs and dj-database-url parse. A variable that is blank counts as not set.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import tempfile
from collections.abc import Callable, Collection
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from environs import Env, EnvValidationError, ValidationError

Value = TypeVar("Value")

_env = Env()
_HOST = re.compile(r"\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SQLITE, _POSTGRESQL = "sqlite:///FILE", "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"


def stop(name: str, problem: object, remedy: str) -> NoReturn:
    """End the process: one line on stderr, status 1."""
    sys.exit(f"accweb: {name}: {problem}; {remedy}")


def text(name: str) -> str:
    """Return the variable without surrounding blanks; empty where it is not set."""
    return _env.str(name, "").strip()


def flag(name: str, *, default: bool) -> bool:
    problem = {"invalid": "{input!r} is not a valid flag"}
    return _parsed(_env.bool, name, default, "use 1 or 0", error_messages=problem)


def number(name: str, *, default: int, low: int, high: int) -> int:
    """Return a whole number of plain digits (``int`` takes ``8_000`` and other scripts' digits, too)."""

    def check(value: str) -> None:
        digits = value.strip()
        if not re.fullmatch("[0-9]{1,18}", digits) or not low <= int(digits) <= high:
            raise ValidationError(f"{digits!r} is not a number from {low} to {high}")

    return int(_parsed(_env.str, name, str(default), f"use one like {default}", validate=check))


def choice(name: str, allowed: Collection[str], *, default: str) -> str:
    """Return the variable in upper case, one of ``allowed``."""

    def check(value: str) -> None:
        if value.upper() not in allowed:
            raise ValidationError(f"{value!r} is unknown")

    return _parsed(_env.str, name, default, f"use one of {', '.join(allowed)}", validate=check).upper()


def hosts(name: str, *, default: list[str]) -> list[str]:
    """Return comma-separated host names: no scheme, no port (``example.net``, ``.example.net``, ``[::1]``, ``*``)."""

    def check(names: list[str]) -> None:
        for host in filter(None, names):
            if not _HOST.fullmatch(host):
                raise ValidationError(f"{host!r} is not a valid host name")

    remedy = "give names without scheme and port, separated by commas"
    names = _parsed(_env.list, name, default, remedy, subcast=str.strip, validate=check)
    return [host for host in names if host] or default


def networks(name: str, *, default: list[str]) -> list[IPv4Network | IPv6Network]:
    """Return comma-separated IP addresses and networks (``127.0.0.1``, ``10.0.0.0/8``)."""

    def check(parts: list[str]) -> None:
        for part in parts:
            try:
                ip_network(part)
            except ValueError as error:
                raise ValidationError(str(error)) from None

    remedy = "give IP addresses or networks like 10.0.0.0/8, separated by commas"
    parts = _parsed(_env.list, name, default, remedy, subcast=str.strip, validate=check)
    return [ip_network(part) for part in parts]


def folders(name: str, *, default: list[str]) -> list[str]:
    """Return comma-separated absolute paths of folders."""

    def check(paths: list[str]) -> None:
        for path in paths:
            if not path.startswith("/"):
                raise ValidationError(f"{path!r} is not an absolute path")

    remedy = "give absolute paths of folders, separated by commas"
    return _parsed(_env.list, name, default, remedy, subcast=str.strip, validate=check)


def pairs(name: str) -> list[tuple[str, str]]:
    """Return comma-separated ``LEFT=RIGHT``; the last ``=`` counts."""

    def check(parts: list[str]) -> None:
        for part in parts:
            left, _, right = part.rpartition("=")
            if not left.strip() or not right.strip():
                raise ValidationError(f"{part!r} is not of the form NAME=GROUP")

    remedy = "give pairs like voip-admins=administrator, separated by commas"
    parts: list[str] = _parsed(_env.list, name, [], remedy, subcast=str.strip, validate=check)
    split = [part.rpartition("=") for part in parts]
    return [(left.strip(), right.strip()) for left, _, right in split]


def issuer(name: str) -> str:
    """Return the address of an OpenID provider, over TLS unless it is on this machine; empty where none is set."""

    def check(value: str) -> None:
        parts = urlsplit(value)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValidationError(f"{value!r} is not an https:// address")

    return _parsed(_env.str, name, "", "use one like https://id.example.net/realms/voip", validate=check).strip("/ ")


def require(reason: str, *names: str) -> None:
    """Stop unless all variables are set, as ``reason`` needs them."""
    for name in names:
        if not text(name):
            stop(name, f"not set, but {reason} is", f"set it, or leave {reason} out")


def secret_key(name: str, folder: Path) -> str:
    """Return the variable, else the secret kept in ``folder``."""
    key = text(name)
    if key and _is_weak(key):
        stop(name, "too short or too simple to be a secret", "give 50 random characters, or leave it out")
    return key or kept_secret(folder / "secret-key")


def former_secret_keys(name: str) -> list[str]:
    """Return comma-separated secrets that were in use before, newest first."""
    keys = [key for part in text(name).split(",") if (key := part.strip())]
    if any(_is_weak(key) for key in keys):
        stop(name, "a key is too short or too simple", "give former values of SECRET_KEY, separated by commas")
    return keys


def _is_weak(key: str) -> bool:
    return len(key) < 50 or len(set(key)) < 5


def kept_secret(file: Path) -> str:
    """Return the secret kept in ``file``; the first process makes it, all others read the same.

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
    """Return the folder, made where it is missing, for its owner alone: it holds secrets and call records."""
    folder = Path(text(name) or default).resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        _close(folder)
    except OSError as error:
        stop(name, error, "name a folder that can be written to")
    return folder


def open_to_others(folder: Path) -> list[Path]:
    """Return the folder and those of its files that other users have rights to."""
    opened: list[Path] = []
    for path in (folder, *folder.iterdir()):
        with suppress(FileNotFoundError):  # gone meanwhile
            if not path.is_symlink() and (path.is_file() or path == folder) and path.stat().st_mode & 0o077:
                opened.append(path)
    return opened


def _close(folder: Path) -> None:
    """Take from others what rights they have to the data folder and its files: they hold secrets and call records."""
    for path in open_to_others(folder):
        with suppress(FileNotFoundError, PermissionError):  # another user's, who keeps them; a system check tells
            path.chmod(0o700 if path == folder else 0o600)


def template_of_url(name: str, placeholders: Collection[str]) -> str:
    """Return a web address with ``{placeholders}`` to be filled in; empty where none is set."""
    allowed = ", ".join(f"{{{placeholder}}}" for placeholder in placeholders)

    def check(value: str) -> None:
        if not value.startswith(("https://", "http://")):
            raise ValidationError("not the address of a web page")
        for placeholder in re.findall("{(.*?)}", value):
            if placeholder not in placeholders:
                raise ValidationError(f"{{{placeholder}}} is unknown")

    remedy = f"use one like https://HOST/search?callid={{call_id}}, with any of {allowed}"
    return _parsed(_env.str, name, "", remedy, validate=check).strip()


def mail_server(name: str) -> dict[str, Any]:
    """Return host, port, user, password and encryption of a mail server; nothing where none is set.

    The address itself is never shown: it may hold a password.
    """
    url = text(name)
    if not url:
        return {}
    remedy = "use smtp://USER:PASSWORD@HOST:587 (STARTTLS), smtps://…:465 (TLS) or smtp+plain://HOST:25"
    ports = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        stop(name, "not the address of a mail server", remedy)
    if parts.scheme not in ports or not parts.hostname or port == 0 or parts.path.strip("/"):
        stop(name, "not the address of a mail server", remedy)
    return {
        "host": parts.hostname,
        "port": port or ports[parts.scheme],
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "starttls": parts.scheme == "smtp",
        "tls": parts.scheme == "smtps",
    }


def web_address(name: str) -> str:
    """Return the address of a web site without a slash at its end; empty where none is set."""

    def check(value: str) -> None:
        parts = urlsplit(value.strip())
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise ValidationError(f"{value!r} is not the address of a web site")

    return _parsed(_env.str, name, "", "use one like https://accweb.example.net", validate=check).strip().rstrip("/")


def syslog_server(name: str) -> str:
    """Return the address of a syslog server (udp, tcp, tls or unix); empty where none is set."""

    def check(value: str) -> None:
        problem = ValidationError(f"{value!r} is not the address of a syslog server")
        try:
            parts = urlsplit(value.strip())
            network = parts.scheme in ("udp", "tcp", "tls") and parts.hostname and parts.port != 0 and not parts.path
        except ValueError as error:
            raise problem from error
        if not network and not (parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/")):
            raise problem

    remedy = "use udp://HOST:514, tcp://HOST:601, tls://HOST:6514 or unix:///dev/log"
    return _parsed(_env.str, name, "", remedy, validate=check).strip()


def redis(name: str) -> str:
    """Return the broker's address as Celery spells it; empty where none is set."""
    url = text(name)
    for scheme in ("unix://", "redis+socket://"):
        if url.startswith(scheme + "/"):
            return "redis+socket://" + url.removeprefix(scheme)
    return _parsed(
        _env.str, name, "", "use redis://HOST:PORT/0 or unix:///PATH/OF/SOCKET", validate=_check_redis
    ).strip()


def _check_redis(url: str) -> None:
    problem = ValidationError("not the address of a Redis server")
    try:
        parts = urlsplit(url.strip())
        if parts.scheme not in ("redis", "rediss") or not parts.hostname or parts.port == 0:
            raise problem
    except ValueError as error:
        raise problem from error


def database(name: str, *, default: Path) -> dict[str, Any]:
    """Return Django's settings for the database that the variable names, else for the SQLite file ``default``.

    The address itself is never shown: it may hold a password.
    """
    url = text(name)
    if not url:
        return _sqlite(default)
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1 and not rest.startswith("/:"):
        parsed: dict[str, Any] = _parsed(_env.dj_db_url, name, {}, f"use {_SQLITE}")
        file = Path(parsed["NAME"])
        if not file.parent.is_dir():
            stop(name, f"there is no folder {file.parent}", "make it, or name another file")
        return _sqlite(file.resolve())
    if scheme in ("postgresql", "postgres"):
        return _postgresql(name, url)
    stop(name, "neither SQLite nor PostgreSQL", f"use {_SQLITE} or {_POSTGRESQL}")


_TIMEOUTS = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""libpq's limits (seconds; the last in milliseconds) for a server out of reach; the address may set others."""


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


def _postgresql(name: str, url: str) -> dict[str, Any]:
    """Read a libpq address; what follows ``?`` goes to libpq (``host`` for a socket's folder, ``sslmode``…)."""
    remedy = f"use {_POSTGRESQL}"
    parsed: dict[str, Any] = _parsed(_env.dj_db_url, name, {}, remedy, conn_max_age=600, conn_health_checks=True)
    try:
        parse_qsl(query := urlsplit(url).query, strict_parsing=bool(query))
    except ValueError as error:
        stop(name, error, remedy)
    if not parsed["NAME"].strip("/"):
        stop(name, "the address names no database", remedy)
    options = _TIMEOUTS | parsed.setdefault("OPTIONS", {})
    parsed["OPTIONS"] = options
    parsed["HOST"] = options.pop("host", parsed["HOST"])
    return parsed


def _parsed(parse: Callable[..., Any], name: str, default: Value, remedy: str, **options: Any) -> Value:
    """Return what a parser of environs makes of the variable, the default where it is blank; stop at a wrong value."""
    if not text(name):
        return default
    try:
        value: Value = parse(name, **options)
    except EnvValidationError as error:
        stop(name, "; ".join(map(str, error.error_messages)), remedy)
    return value
