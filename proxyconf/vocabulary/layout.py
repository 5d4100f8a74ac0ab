"""Field layouts: the labels that a proxy logs to each backend, in order, and their meaning.

The proxies neither quote nor escape a log line (it is one ``printf`` in the acc modules), so a parser needs to know the
labels. They come from forms, from the proxy's own configuration, or from a published profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self


class Backend(StrEnum):
    """An accounting output of a proxy. One event may go to several."""

    SYSLOG = "syslog"
    SQL = "sql"
    RADIUS = "radius"
    DIAMETER = "diameter"
    JSON = "json"  # Kamailio acc_json
    EVENTS = "events"  # OpenSIPS event interface (evi)


BACKEND_NAMES: Mapping[Backend, str] = {
    Backend.SYSLOG: "syslog",
    Backend.SQL: "SQL",
    Backend.RADIUS: "RADIUS",
    Backend.DIAMETER: "Diameter",
    Backend.JSON: "acc_json",
    Backend.EVENTS: "event interface",
}


class Role(StrEnum):
    """The meaning of a logged label."""

    CALLER = "caller"
    CALLEE = "callee"
    ORIGINAL_CALLEE = "original_callee"
    SOURCE_IP = "source_ip"
    USER_AGENT = "user_agent"
    ACCOUNT = "account"
    GATEWAY = "gateway"
    CALL_ID = "call_id"  # in a dialog CDR, whose core fields hold no Call-ID
    RELATED_CALL_ID = "related_call_id"  # of the other call of a B2BUA
    FROM_TAG = "from_tag"
    TO_TAG = "to_tag"
    LEG_SOURCE = "leg_source"
    LEG_DESTINATION = "leg_destination"
    LEG_TYPE = "leg_type"


_ROLE_OF_LABEL: Mapping[str, Role] = {
    **dict.fromkeys(
        (
            "src_user",
            "caller",
            "caller_id",
            "from_user",
            "from_uri",
            "fuser",
            "calling_station_id",
            "calling",
            "cgr_account",
            "anum",
            "ani",
            "cli",
        ),
        Role.CALLER,
    ),
    **dict.fromkeys(
        (
            "dst_user",
            "callee",
            "callee_id",
            "to_user",
            "to_uri",
            "ruser",
            "called_station_id",
            "called",
            "sip_uri_user",
            "cgr_destination",
            "bnum",
            "dnis",
            "dnid",
        ),
        Role.CALLEE,
    ),
    **dict.fromkeys(("dst_ouser", "ouser", "orig_callee", "original_callee"), Role.ORIGINAL_CALLEE),
    **dict.fromkeys(("src_ip", "source_ip", "srcip", "sip_src_ip", "si"), Role.SOURCE_IP),
    **dict.fromkeys(("ua", "user_agent", "useragent", "ua_attr"), Role.USER_AGENT),
    **dict.fromkeys(("account", "accountcode", "username", "auth_user", "user_name"), Role.ACCOUNT),
    **dict.fromkeys(("gateway", "gw", "carrier", "trunk", "dst_gw"), Role.GATEWAY),
    **dict.fromkeys(("callid", "call_id", "sip_call_id"), Role.CALL_ID),
    **dict.fromkeys(
        ("related_call_id", "b2b_call_id", "peer_call_id", "other_call_id", "orig_call_id"), Role.RELATED_CALL_ID
    ),
    **dict.fromkeys(("from_tag", "fromtag", "sip_from_tag"), Role.FROM_TAG),
    **dict.fromkeys(("to_tag", "totag", "sip_to_tag"), Role.TO_TAG),
}
_ROLE_OF_LEG_LABEL: Mapping[str, Role] = {
    **dict.fromkeys(("src", "leg_src", "source", "src_leg", "leg_source", "from"), Role.LEG_SOURCE),
    **dict.fromkeys(
        ("dst", "leg_dst", "destination", "dst_leg", "leg_destination", "to", "dest"), Role.LEG_DESTINATION
    ),
    **dict.fromkeys(("type", "leg_type", "kind"), Role.LEG_TYPE),
}
_ROLE_OF_LEG_WORD: Mapping[str, Role] = {
    **_ROLE_OF_LEG_LABEL,
    **dict.fromkeys(("caller", "leg_caller", "from_user", "from_uri", "anum"), Role.LEG_SOURCE),
    **dict.fromkeys(("callee", "leg_callee", "to_user", "to_uri", "bnum"), Role.LEG_DESTINATION),
    **dict.fromkeys(("reason", "leg_reason", "leg_status"), Role.LEG_TYPE),
}
"""Labels with a role among the fields of a leg; elsewhere the same label may be an extra field (``caller``)."""
_LEG_ROLES = (Role.LEG_SOURCE, Role.LEG_DESTINATION, Role.LEG_TYPE)
_ROLE_OF_VARIABLE: Mapping[str, Role] = {
    **dict.fromkeys(("$fU", "$fu", "$from.user", "$from", "$ai", "$pU"), Role.CALLER),
    **dict.fromkeys(("$rU", "$ru", "$tU", "$tu", "$to"), Role.CALLEE),
    **dict.fromkeys(("$oU", "$ou"), Role.ORIGINAL_CALLEE),
    **dict.fromkeys(("$si",), Role.SOURCE_IP),
    **dict.fromkeys(("$ua", "$hdr(User-Agent)"), Role.USER_AGENT),
    **dict.fromkeys(("$Au", "$au", "$aU"), Role.ACCOUNT),
    **dict.fromkeys(("$ci", "$dlg(callid)", "$dlg_var(call_id)", "$dlg_var(callid)"), Role.CALL_ID),
    **dict.fromkeys(("$ft", "$dlg(from_tag)"), Role.FROM_TAG),
    **dict.fromkeys(("$tt", "$dlg(to_tag)"), Role.TO_TAG),
}


VALUE_OF_ROLE: Mapping[Role, str] = {
    Role.CALL_ID: "$ci",
    Role.CALLER: "$fU",
    Role.CALLEE: "$rU",
    Role.ORIGINAL_CALLEE: "$oU",
    Role.SOURCE_IP: "$si",
    Role.USER_AGENT: "$ua",
    Role.ACCOUNT: "$au",
    Role.FROM_TAG: "$ft",
}
"""The variable of an initial INVITE that usually holds the value of a role."""


@lru_cache(maxsize=4096)  # called for every label of every call
def suggest_role(label: str, variable: str = "") -> Role | None:
    """Return the most likely role of an extra field, from a well-known label, else from its variable.

    The label takes precedence because it states the intention: Kamailio's own example logs both ``dst_ouser=$tU`` and
    ``dst_user=$rU``.
    """
    return _ROLE_OF_LABEL.get(label.lower().replace("-", "_")) or _ROLE_OF_VARIABLE.get(variable)


def suggest_leg_role(label: str) -> Role | None:
    """Return the most likely role of a leg field, from a well-known label."""
    key = label.lower().replace("-", "_").removeprefix("sip_")
    return _ROLE_OF_LEG_LABEL.get(key)


@lru_cache(maxsize=1024)  # called for every leg of every call
def assumed_leg_roles(labels: tuple[str, ...]) -> Mapping[str, Role]:
    """Return the most likely roles of a leg's fields: by a well-known label, else by position.

    Labels are arbitrary (``A``, ``B``, ``C``; ``text1``, ``text2``); the source comes first.
    """
    roles = {label: role for label in labels if (role := _ROLE_OF_LEG_WORD.get(_leg_word(label)))}
    by_position = [role for role in _LEG_ROLES[:2] if role not in roles.values()]
    if len(by_position) == 2 and Role.LEG_TYPE not in roles.values():
        by_position.append(Role.LEG_TYPE)
    unnamed = [label for label in labels if label not in roles]
    return roles | dict(zip(unnamed, by_position, strict=False))


def leg_role_of_variable(variable: str) -> Role | None:
    """Return the role that the name of a leg's AVP suggests, as in ``$avp(src)``."""
    name = variable.partition("(")[2].rpartition(")")[0]
    return _ROLE_OF_LEG_WORD.get(_leg_word(name.removeprefix("s:")))


def _leg_word(text: str) -> str:
    return text.lower().replace("-", "_").removeprefix("sip_")


@dataclass(frozen=True, slots=True)
class TimeLayout:
    """How the proxy writes the time of an event (Kamailio ``acc`` parameters ``time_mode``, ``time_attr``…).

    ``acc_json`` has parameters of its own (``acc_time_mode``, ``acc_time_format``) and one member, ``time``.

    ``mode``: 0 seconds only; 1 seconds and microseconds in two fields; 2 seconds with a fraction; 3 local text;
    4 UTC text.
    """

    mode: int = 0
    attr: str = "time_attr"
    exten: str = "time_exten"
    format: str = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class CdrLayout:
    """How the proxy writes dialog CDRs (Kamailio ``cdr_*`` parameters).

    ``start_on_confirmed``: the call starts with the 200 response, else with the INVITE; the duration then includes the
    ringing time.
    """

    start: str = "start_time"
    end: str = "end_time"
    duration: str = "duration"
    extras: tuple[str, ...] | None = None
    start_on_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class FieldLayout:
    """The labels that a proxy logs.

    ``extras`` and ``legs`` map a backend to its labels in configured order. The labels of an absent backend are
    *unknown* (a parser then uses its documented heuristic); a backend with ``()`` logs none.
    ``roles`` maps a label (extra or leg) to its role; labels without an entry get the suggested role.
    ``columns`` maps a core column (``callid``, ``sip_code``…) to its configured name (``acc_*_column``).
    """

    extras: Mapping[Backend, tuple[str, ...]] = field(default_factory=dict)
    legs: Mapping[Backend, tuple[str, ...]] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    newest_leg_first: bool = True
    detect_direction: bool = False
    time: TimeLayout = field(default_factory=TimeLayout)
    json_time: TimeLayout = field(default_factory=TimeLayout)
    cdr: CdrLayout = field(default_factory=CdrLayout)
    columns: Mapping[str, str] = field(default_factory=dict)

    def role_of(self, label: str) -> Role | None:
        """Return the role of an extra label: the configured one, else the suggested one."""
        return self.roles.get(label) or suggest_role(label)

    def leg_role_of(self, label: str) -> Role | None:
        """Return the role of a leg label: the configured one, else the suggested one."""
        return self.roles.get(label) or suggest_leg_role(label)

    def leg_roles(self, labels: tuple[str, ...]) -> Mapping[str, Role]:
        """Return the roles of a leg's fields: the configured ones, else the assumed ones."""
        assumed = assumed_leg_roles(labels)
        chosen = {label: role for label in labels if (role := self.roles.get(label)) in _LEG_ROLES}
        if not chosen:
            return assumed
        return {label: role for label, role in assumed.items() if role not in chosen.values()} | chosen

    def labels_with(self, role: Role, labels: Iterable[str]) -> list[str]:
        return [label for label in labels if self.role_of(label) == role]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data from which ``from_json`` builds an equal layout."""
        return {
            "extras": {str(backend): list(labels) for backend, labels in self.extras.items()},
            "legs": {str(backend): list(labels) for backend, labels in self.legs.items()},
            "roles": {label: str(role) for label, role in self.roles.items()},
            "newest_leg_first": self.newest_leg_first,
            "detect_direction": self.detect_direction,
            "time": {f.name: getattr(self.time, f.name) for f in fields(TimeLayout)},
            "json_time": {f.name: getattr(self.json_time, f.name) for f in fields(TimeLayout)},
            "cdr": {
                f.name: list(v) if isinstance(v := getattr(self.cdr, f.name), tuple) else v for f in fields(CdrLayout)
            },
            "columns": dict(self.columns),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Build a layout from the data of ``to_json``; absent members take their defaults.

        Raise ``ValueError`` for an invalid value.
        """
        cdr = dict(data.get("cdr", {}))
        if cdr.get("extras") is not None:
            cdr["extras"] = tuple(cdr["extras"])
        try:
            return cls(
                extras={Backend(backend): tuple(labels) for backend, labels in data.get("extras", {}).items()},
                legs={Backend(backend): tuple(labels) for backend, labels in data.get("legs", {}).items()},
                roles={label: Role(role) for label, role in data.get("roles", {}).items()},
                newest_leg_first=bool(data.get("newest_leg_first", True)),
                detect_direction=bool(data.get("detect_direction", False)),
                time=TimeLayout(**data.get("time", {})),
                json_time=TimeLayout(**data.get("json_time", {})),
                cdr=CdrLayout(**cdr),
                columns=dict(data.get("columns", {})),
            )
        except (TypeError, AttributeError) as error:
            raise ValueError(f"the layout cannot be read: {error}") from error
