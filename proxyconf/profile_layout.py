"""The field layout of a proxy that runs a profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.vocabulary.layout import Backend, CdrLayout, FieldLayout, Role, TimeLayout

_COLUMN_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "method": ("acc_method_column", "acc_sip_method_column"),
    "from_tag": ("acc_from_tag_column", "acc_fromtag_column"),
    "to_tag": ("acc_to_tag_column", "acc_totag_column"),
    "callid": ("acc_callid_column", "acc_sip_callid_column"),
    "sip_code": ("acc_sip_code_column", "acc_sip_status_column"),
    "sip_reason": ("acc_sip_reason_column",),
    "time": ("acc_time_column",),
}
"""The options that name a core column; the second name is that of OpenSER 1.1 (and 1.2 for the To tag)."""


def layout_of(profile: AccountingProfile) -> FieldLayout:
    """Return the layout of a proxy with this profile: labels per backend, roles, times, column names."""
    return FieldLayout(
        extras={backend: _labels(profile.extra_labels(backend)) for backend in profile.backends},
        legs={backend: _leg_names(profile, backend) for backend in profile.backends},
        roles=_roles(profile),
        newest_leg_first=not profile.uses_field_declarations,
        detect_direction=profile.is_on("detect_direction"),
        time=_time_layout(profile),
        json_time=_json_time_layout(profile),
        cdr=_cdr_layout(profile),
        columns=column_names(profile),
    )


def column_names(profile: AccountingProfile) -> dict[str, str]:
    """Return the renamed core columns: default name to configured name."""
    names = {core: _first_option(profile, keys) for core, keys in _COLUMN_OPTIONS.items()}
    return {core: name for core, name in names.items() if name and name != core}


def _first_option(profile: AccountingProfile, keys: Iterable[str]) -> str:
    return str(next((value for key in keys if (value := profile.option(key)) is not None), ""))


def _labels(pairs: Iterable[tuple[str, ExtraDefinition | LegDefinition]]) -> tuple[str, ...]:
    return tuple(label for label, _field in pairs)


def _leg_names(profile: AccountingProfile, backend: Backend) -> tuple[str, ...]:
    if backend is Backend.SQL and profile.is_on("multi_leg_enabled"):  # OpenSER 1.1: two fixed columns
        return str(profile.option("acc_src_leg_column")), str(profile.option("acc_dst_leg_column"))
    return _labels(profile.leg_labels(backend))


def _roles(profile: AccountingProfile) -> dict[str, Role]:
    pairs: list[tuple[str, ExtraDefinition | LegDefinition]] = []
    for backend in Backend:  # also those not in use: another source may use the same label
        pairs += [*profile.extra_labels(backend), *profile.cdr_labels(backend), *profile.leg_labels(backend)]
    roles: dict[str, Role] = {}
    for label, field in pairs:
        if field.role is not None:
            roles.setdefault(label, field.role)
    return roles


def _time_layout(profile: AccountingProfile) -> TimeLayout:
    if not profile.is_on("time_mode"):
        return TimeLayout()
    return TimeLayout(
        mode=int(profile.option("time_mode") or 0),
        attr=str(profile.option("time_attr")),
        exten=str(profile.option("time_exten")),
        format=str(profile.option("time_format")),
    )


def _json_time_layout(profile: AccountingProfile) -> TimeLayout:
    if not profile.is_on("acc_json.acc_time_mode"):
        return TimeLayout()
    return TimeLayout(
        mode=int(profile.option("acc_json.acc_time_mode") or 0),
        format=str(profile.option("acc_json.acc_time_format") or TimeLayout().format),
    )


def _cdr_layout(profile: AccountingProfile) -> CdrLayout:
    if not profile.is_on("cdr_enable"):
        return CdrLayout()
    defaults = CdrLayout()
    return CdrLayout(
        start=str(profile.option("cdr_start_id") or defaults.start),
        end=str(profile.option("cdr_end_id") or defaults.end),
        duration=str(profile.option("cdr_duration_id") or defaults.duration),
        extras=_labels(profile.cdr_labels(Backend.SYSLOG)),
        start_on_confirmed=profile.is_on("cdr_start_on_confirmed"),
    )
