"""The predefined groups and their permissions."""

from __future__ import annotations

from collections.abc import Mapping

VIEWER, ANALYST, OPERATOR, ADMINISTRATOR = "viewer", "analyst", "operator", "administrator"

_ACTIONS = ("add", "change", "delete", "view")


def _all_of(*models: str) -> frozenset[str]:
    return frozenset(
        f"{app}.{action}_{model}" for app, _, model in (name.partition(".") for name in models) for action in _ACTIONS
    )


_VIEWER = frozenset({"cdr.view_call", "cdr.view_note", "cdr.view_settlement"})
_ANALYST = _VIEWER | {
    "cdr.view_numbers",
    "cdr.export_call",
    "cdr.add_note",
    "cdr.add_settlement",
    "cdr.change_settlement",
    "cdr.share_savedview",
    "cdr.view_event",
}
_OPERATOR = (
    _VIEWER
    | _all_of("proxyconf.proxy", "proxyconf.profile", "cdr.source")
    | {"proxyconf.publish_profile", "cdr.view_event", "cdr.view_rejected", "cdr.change_rejected"}
)
_ADMINISTRATOR = (
    _ANALYST
    | _OPERATOR
    | _all_of("auth.user", "auth.group", "proxyconf.proxylimit")
    | {
        "cdr.view_exportjob",
        "cdr.delete_exportjob",
        "accweb.view_apitoken",
        "accweb.delete_apitoken",
        "accweb.view_auditentry",
    }
)

ROLES: Mapping[str, frozenset[str]] = {
    VIEWER: _VIEWER,  # numbers are masked
    ANALYST: _ANALYST,
    OPERATOR: _OPERATOR,  # numbers are masked
    ADMINISTRATOR: _ADMINISTRATOR,
}
"""Permissions, as ``app.codename``, by the name of the group."""
