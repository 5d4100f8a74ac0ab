"""Layouts: what a proxy is known to log."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.vocabulary.layout import (
    Backend,
    CdrLayout,
    FieldLayout,
    Role,
    TimeLayout,
    suggest_leg_role,
    suggest_role,
)

LABELS = st.lists(st.text(min_size=1, max_size=8), max_size=4, unique=True).map(tuple)
PER_BACKEND = st.dictionaries(st.sampled_from(Backend), LABELS)
LAYOUTS = st.builds(
    FieldLayout,
    extras=PER_BACKEND,
    legs=PER_BACKEND,
    roles=st.dictionaries(st.text(max_size=8), st.sampled_from(Role)),
    newest_leg_first=st.booleans(),
    detect_direction=st.booleans(),
    time=st.builds(TimeLayout, mode=st.integers(0, 4), attr=st.text(max_size=8)),
    json_time=st.builds(TimeLayout, mode=st.integers(0, 4)),
    cdr=st.builds(CdrLayout, extras=st.none() | LABELS, start_on_confirmed=st.booleans()),
    columns=st.dictionaries(st.sampled_from(["callid", "time"]), st.text(max_size=8)),
)


@given(LAYOUTS)
def test_a_layout_survives_json(layout: FieldLayout) -> None:
    assert FieldLayout.from_json(json.loads(json.dumps(layout.to_json()))) == layout


@pytest.mark.parametrize("data", [{"extras": {"pigeon": []}}, {"roles": {"ua": "hat"}}, {"time": {"zone": 1}}])
def test_a_wrong_layout_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        FieldLayout.from_json(data)


@pytest.mark.parametrize(
    ("label", "variable", "role"),
    [
        ("x", "$fU", Role.CALLER),
        ("src_user", "", Role.CALLER),
        ("Calling-Station-Id", "", Role.CALLER),
        ("dst_user", "$rU", Role.CALLEE),
        ("dst_ouser", "$tU", Role.ORIGINAL_CALLEE),
        ("ua", "", Role.USER_AGENT),
        ("agent", "$hdr(User-Agent)", Role.USER_AGENT),
        ("src_ip", "$si", Role.SOURCE_IP),
        ("callid", "", Role.CALL_ID),
        ("note", "$avp(note)", None),
    ],
)
def test_a_well_known_label_or_else_the_variable_suggests_the_role(
    label: str, variable: str, role: Role | None
) -> None:
    assert suggest_role(label, variable) == role


@pytest.mark.parametrize(
    ("label", "role"),
    [("src", Role.LEG_SOURCE), ("leg_dst", Role.LEG_DESTINATION), ("Sip-Leg-Type", Role.LEG_TYPE), ("x", None)],
)
def test_a_well_known_leg_label_suggests_its_role(label: str, role: Role | None) -> None:
    assert suggest_leg_role(label) == role


def test_a_role_that_was_set_goes_before_the_suggested_one() -> None:
    layout = FieldLayout(roles={"src_user": Role.ACCOUNT})
    assert layout.role_of("src_user") == Role.ACCOUNT
    assert layout.role_of("dst_user") == Role.CALLEE
    assert layout.labels_with(Role.CALLEE, ["ua", "dst_user"]) == ["dst_user"]
