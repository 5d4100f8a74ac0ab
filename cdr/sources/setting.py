"""Settings of sources: declared once, read from forms, the command line and the database alike.

A kind's settings are a frozen dataclass whose fields are made by the functions below. What is stored is a JSON object
with one member per setting; ``Settings.parse`` returns typed values or raises an error that lists every invalid
setting. Text as a person types it is accepted everywhere: ``yes`` for a flag, ``a, b`` for a list.
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
    """Invalid settings; ``problems`` maps the name of each to what is wrong."""

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
    """Reference to a secret: its encrypted text, or the environment variable that holds it; never the secret itself."""

    sealed: str = ""
    variable: str = ""

    def __bool__(self) -> bool:
        return bool(self.sealed or self.variable)


class AllowedSender(NamedTuple):
    """A permitted sender: an address or network, the host name in a line, or that host name from that network only."""

    host: str
    network: Network | None

    def __str__(self) -> str:
        return "@".join(str(part) for part in (self.host, self.network) if part)


@dataclass(frozen=True)
class Setting:
    """The parser and help text of a setting. ``many``: a list; ``secret``: encrypted before it is stored."""

    read: Callable[[Any], Any]
    help: str
    secret: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()
    flag: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Base class of the settings of a kind of source; parses its declared settings."""

    served: ClassVar[bool] = False
    """Whether a receiver of ``collect`` serves such a source."""
    target: ClassVar[tuple[str, ...]] = ()
    """Settings that say where the secret is sent: when one changes, the secret must be entered again."""
    senders_setting: ClassVar[str] = ""
    """Of a listener: the setting that says who may send; left empty, only the addresses of its proxy may."""

    @classmethod
    def declared(cls) -> dict[str, Setting]:
        return {one.name: one.metadata["setting"] for one in fields(cls)}

    @classmethod
    def default(cls, name: str) -> Any:
        """Return the default of a setting; ``None`` for a required one."""
        (declared,) = (field for field in fields(cls) if field.name == name)
        return None if _required(declared) else declared.default

    @classmethod
    def parse(cls, raw_values: Mapping[str, Any]) -> Self:
        """Return the settings; raise ``SettingsError``."""
        declared = cls.declared()
        problems = {
            name: f"unknown setting; use one of: {', '.join(declared) or 'none'}"
            for name in raw_values
            if name not in declared
        }
        values: dict[str, Any] = {}
        for setting in fields(cls):
            try:
                if (value := raw_values.get(setting.name)) not in (None, "", []):
                    values[setting.name] = declared[setting.name].read(value)
                elif _required(setting):
                    problems[setting.name] = f"this setting is required: {declared[setting.name].help}"
            except ValueError as error:
                problems[setting.name] = str(error)
        if problems:
            raise SettingsError(problems)
        settings = cls(**values)
        settings.check()
        return settings

    @property
    def allowed(self) -> tuple[AllowedSender, ...]:
        """Who may send, as far as the settings say it."""
        entries = getattr(self, self.senders_setting) if self.senders_setting else ()
        return tuple(one if isinstance(one, AllowedSender) else AllowedSender("", one) for one in entries)

    def check(self) -> None:
        """Raise ``SettingsError`` for settings that contradict each other."""

    def service(self, own: str) -> str:
        """Return the name of what serves the source; sources that share a listener give the same. ``own`` is unique."""
        return own


def _required(setting: Field[Any]) -> bool:
    return setting.default is MISSING


def _setting(default: Any, setting: Setting) -> Any:
    return field(default=default, metadata={"setting": setting})


def text(default: Any, help: str) -> Any:  # noqa: A002  # the word of forms and commands
    return _setting(default, Setting(_text, help))


def rate() -> Any:
    about = "messages a second that are accepted of one sender address, ten times as many at once; 0: no limit"
    return number(10_000, about, low=0, high=1_000_000)


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


def names(help: str) -> Any:  # noqa: A002
    return _setting((), Setting(partial(_many, read=str.lower), help, many=True))


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
        raise ValueError(f"{value!r} is not text")
    return value.strip()


def _number(value: Any, *, low: int, high: int) -> int:
    number = int(value) if isinstance(value, str) and value.isascii() and value.strip().isdecimal() else value
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        raise ValueError(f"{value!r} is not a whole number from {low} to {high}")
    return number


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() not in _TRUE + _FALSE:
        raise ValueError(f"{value!r} is not valid; use yes or no")
    return str(value).lower() in _TRUE


def _choice(value: Any, *, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ValueError(f"{value!r} is unknown; use {' or '.join(allowed)}")
    return str(value)


def _many(value: Any, *, read: Callable[[str], Any]) -> tuple[Any, ...]:
    items = re.split(r"[\s,]+", value) if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(one, str) for one in items):
        raise ValueError(f"{value!r} is not a list")
    return tuple(read(one) for one in items if one)


def _address(value: Any) -> ListenAddress:
    host, _, port = _text(value).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{value!r} is not a valid listen address; use, for example, 0.0.0.0:5140 or [::]:5140")
    if host in ("", "*"):
        return ListenAddress("", int(port))
    try:
        return ListenAddress(str(ip_address(host)), int(port))
    except ValueError:
        raise ValueError(f"{value!r}: {host!r} is not an IP address of this machine; use 0.0.0.0:{port}") from None


def network_of(value: str) -> Network:
    """Return a network, or an address as the network of itself; raise ``ValueError``."""
    try:
        return ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"{value!r} is not a valid address or network, such as 10.0.0.0/24") from None


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
        raise ValueError(
            f"{value!r} is not a valid address, network or host name; use, for example, 10.0.0.5, kam1 or kam1@10.0.0.5"
        )
    return value.lower()


def _path(value: Any) -> str:
    name = _text(value)
    if not name.startswith("/") or "\0" in name:
        raise ValueError(f"{value!r} is not an absolute path")
    return name


def _secret(value: Any) -> Secret:
    """Parse a stored secret: ``{"sealed": …}`` or ``env:NAME``; plain text was encrypted before."""
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
    """Tell whether ``value`` is the secret in plain text, which must be encrypted before it is stored."""
    return isinstance(value, str) and value != "" and not value.startswith(_ENVIRONMENT)
