"""Settings of sources: declared once, read from forms, the command line and the database alike.

A kind's settings are a frozen dataclass whose fields are made by the functions below. What is stored is a JSON object
with one member per setting that was given; ``Settings.parse`` makes typed values of it or says, setting by setting,
what is wrong. Text as a person types it is taken everywhere: ``yes`` for a flag, ``a, b`` for a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

_ENVIRONMENT = "env:"
_SECRET_VARIABLE = re.compile(r"ACCWEB_SOURCE_SECRET_[A-Za-z0-9_]+")
"""Variables that a source may refer to: any other may hold a secret of accweb itself."""

_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class SettingsError(ValueError):
    """Settings that make no sense: what is wrong with which, by name."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))
        self.problems = dict(problems)


class ListenAddress(NamedTuple):
    """Where to listen. An empty host is every address of the machine, IPv4 and IPv6; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Secret(NamedTuple):
    """A secret as it is kept: sealed text, or the name of the environment variable that holds it; never the secret."""

    sealed: str = ""
    variable: str = ""

    def __bool__(self) -> bool:
        return bool(self.sealed or self.variable)


class AllowedSender(NamedTuple):
    """Who may send: an address or network, the host name that a line bears, or the latter only from the former."""

    host: str
    network: Network | None

    def __str__(self) -> str:
        return "@".join(str(part) for part in (self.host, self.network) if part)


@dataclass(frozen=True)
class Setting:
    """How one setting is read and explained. ``many``: a list; ``secret``: sealed before it is kept."""

    read: Callable[[Any], Any]
    help: str
    secret: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()
    flag: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every kind of source has (nothing), and how settings are read."""

    served: ClassVar[bool] = False
    """Whether a receiver of ``collect`` serves such a source."""
    target: ClassVar[tuple[str, ...]] = ()
    """Settings that say where the secret is sent: when one changes, the secret must be entered again."""

    @classmethod
    def declared(cls) -> dict[str, Setting]:
        return {one.name: one.metadata["setting"] for one in fields(cls)}

    @classmethod
    def default(cls, name: str) -> Any:
        """Return a setting's default; ``None`` where one must be given."""
        (one,) = (one for one in fields(cls) if one.name == name)
        return None if _required(one) else one.default

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Return the settings; raise ``SettingsError``."""
        declared = cls.declared()
        problems = {
            name: f"there is no such setting; there are {', '.join(declared) or 'none'}"
            for name in given
            if name not in declared
        }
        values: dict[str, Any] = {}
        for one in fields(cls):
            try:
                if (value := given.get(one.name)) not in (None, "", []):
                    values[one.name] = declared[one.name].read(value)
                elif _required(one):
                    problems[one.name] = f"it must be given: {declared[one.name].help}"
            except ValueError as error:
                problems[one.name] = str(error)
        if problems:
            raise SettingsError(problems)
        settings = cls(**values)
        settings.check()
        return settings

    def check(self) -> None:
        """Raise ``SettingsError`` where settings do not go together."""

    def service(self, own: str) -> str:
        """Return the name of what serves the source; sources that share a listener give the same. ``own`` is unique."""
        return own


def _required(one: Field[Any]) -> bool:
    return one.default is MISSING


def _setting(default: Any, setting: Setting) -> Any:
    return field(default=default, metadata={"setting": setting})


def text(default: Any, help: str) -> Any:  # noqa: A002  # the word of forms and commands
    return _setting(default, Setting(_text, help))


def number(default: int, help: str, *, low: int, high: int) -> Any:  # noqa: A002
    return _setting(default, Setting(partial(_number, low=low, high=high), help))


def flag(default: bool, help: str) -> Any:  # noqa: A002
    return _setting(default, Setting(_flag, help, flag=True))


def choice(default: str, allowed: Sequence[str], help: str) -> Any:  # noqa: A002
    return _setting(default, Setting(partial(_choice, allowed=allowed), help, choices=tuple(allowed)))


def address(default: Any, help: str) -> Any:  # noqa: A002
    return _setting(default, Setting(_address, help))


def networks(default: Any, help: str) -> Any:  # noqa: A002
    return _setting(default, Setting(partial(_many, read=network_of), help, many=True))


def senders(help: str) -> Any:  # noqa: A002
    return _setting((), Setting(partial(_many, read=_sender), help, many=True))


def secret(default: Any, help: str) -> Any:  # noqa: A002
    return _setting(
        default, Setting(_secret, f"{help} (or env:ACCWEB_SOURCE_SECRET_NAME, the variable that holds it)", secret=True)
    )


def path(default: Any, help: str) -> Any:  # noqa: A002
    return _setting(default, Setting(_path, help))


REQUIRED = MISSING
"""As a default: the setting must be given."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value.strip()


def _number(value: Any, *, low: int, high: int) -> int:
    number = int(value) if isinstance(value, str) and value.isascii() and value.strip().isdecimal() else value
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        raise ValueError(f"{value!r} is no whole number from {low} to {high}")
    return number


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() not in _TRUE + _FALSE:
        raise ValueError(f"{value!r} is neither yes nor no")
    return str(value).lower() in _TRUE


def _choice(value: Any, *, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ValueError(f"{value!r} is unknown; use {' or '.join(allowed)}")
    return str(value)


def _many(value: Any, *, read: Callable[[str], Any]) -> tuple[Any, ...]:
    given = re.split(r"[\s,]+", value) if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise ValueError(f"{value!r} is no list")
    return tuple(read(one) for one in given if one)


def _address(value: Any) -> ListenAddress:
    host, _, port = _text(value).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{value!r} is no address to listen at; write 0.0.0.0:5140 or [::]:5140")
    if host in ("", "*"):
        return ListenAddress("", int(port))
    try:
        return ListenAddress(str(ip_address(host)), int(port))
    except ValueError:
        raise ValueError(f"{value!r}: {host!r} is no IP address of this machine; write 0.0.0.0:{port}") from None


def network_of(value: str) -> Network:
    """Return a network, or an address as the network of itself; raise ``ValueError``."""
    try:
        return ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"{value!r} is neither an address nor a network like 10.0.0.0/24") from None


def _sender(value: str) -> AllowedSender:
    host, at, network = value.rpartition("@")
    if at:
        return AllowedSender(_host(host), network_of(network))
    try:
        return AllowedSender("", ip_network(value, strict=False))
    except ValueError:
        return AllowedSender(_host(value), None)


def _host(value: str) -> str:
    if not _HOST_NAME.fullmatch(value):
        raise ValueError(f"{value!r} is no address, network or host name; write 10.0.0.5, kam1 or kam1@10.0.0.5")
    return value.lower()


def _path(value: Any) -> str:
    name = _text(value)
    if not name.startswith("/") or "\0" in name:
        raise ValueError(f"{value!r} is no absolute path")
    return name


def _secret(value: Any) -> Secret:
    """Read a secret as it is kept: ``{"sealed": …}`` or ``env:NAME``; plain text is sealed before it comes here."""
    match value:
        case {"sealed": str(sealed)} if sealed:
            return Secret(sealed=sealed)
        case str(text) if text.startswith(_ENVIRONMENT):
            name = text.removeprefix(_ENVIRONMENT)
            if not _SECRET_VARIABLE.fullmatch(name):
                raise ValueError("what follows env: must be the name of a variable like ACCWEB_SOURCE_SECRET_NAME")
            return Secret(variable=name)
    raise ValueError("the secret is not sealed; enter it again")


def is_plain_secret(value: Any) -> bool:
    """Tell whether a secret's value is the secret itself, to be sealed before it is kept."""
    return isinstance(value, str) and value != "" and not value.startswith(_ENVIRONMENT)
