"""Profiles of every product and release, for tests of what must hold for all of them.

``profiles()`` gives profiles that a proxy of their release would take: valid labels, flags of their own, options within
what the table allows. ``texts`` is where free text comes from; it is as odd as a configuration can hold unless told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from proxyconf.profile import (
    AccountingProfile,
    DoAccounting,
    ExtraDefinition,
    Flags,
    LegDefinition,
    MessageFlag,
    OtherParameter,
    RadiusType,
    SqlType,
    takes_flag_names,
)
from proxyconf.vocabulary.layout import Backend, suggest_leg_role, suggest_role
from proxyconf.vocabulary.parameters import RELEASES, Parameter, ParameterKind, Value, backends_of, uses_do_accounting
from proxyconf.vocabulary.products import Product, Version

Release = tuple[Product, Version]

ALL_RELEASES: tuple[Release, ...] = tuple(
    (product, Version.parse(one)) for product, versions in RELEASES.items() for one in versions
)
_FACILITIES = ("LOG_LOCAL0", "LOG_LOCAL7", "LOG_AUTH", "LOG_USER")
_VARIABLES = {
    "ua": "$hdr(User-Agent)",
    "src_ip": "$si",
    "src_user": "$fU",
    "dst_user": "$rU",
    "uri_user": "$(ru{uri.user})",
    "notes": "$(hdr(X-Note)[*])",
    "first_part": "$(hdr(X-Note){s.select,0,;})",
    "ticket": "$avp(ticket)",
    "port": "$sp",
}

names = st.text("abcxyz_019", max_size=6).map("n{}".format)
"""Names that are columns, attributes, tags and flags alike."""

odd_texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from("\\\"'#;/*$\n\t{}"), max_size=20
)
"""Any text that a string of a configuration can hold."""


@st.composite
def profiles(
    draw: st.DrawFn,
    releases: Sequence[Release] = ALL_RELEASES,
    backends: Sequence[Backend] = tuple(Backend),
    texts: st.SearchStrategy[str] = odd_texts,
) -> AccountingProfile:
    """A profile of one of ``releases`` with some of ``backends``."""
    product, version = draw(st.sampled_from(releases))
    known = [one for one in backends if one in backends_of(product, version)]
    chosen = draw(st.sets(st.sampled_from(known), min_size=1))
    used = tuple(one for one in Backend if one in chosen)
    if uses_do_accounting(product, version) and {Backend.RADIUS, Backend.DIAMETER} <= set(used):
        used = tuple(one for one in used if one is not Backend.DIAMETER)  # aaa_url names one of the two
    bare = AccountingProfile(product, version, used)
    extras = draw(_extras(used))
    has_cdr_extras = "cdr_extra" in bare.parameters or "log_extra_bye" in bare.parameters
    legs = draw(_legs(used)) if bare.has_legs else ()
    profile = AccountingProfile(
        product,
        version,
        used,
        flags=draw(_flags(bare)),
        do_accounting=draw(_asked(bare)) if bare.uses_do_accounting else DoAccounting(),
        options=draw(_options(bare, texts)),
        extras=extras,
        legs=legs,
        cdr_extras=draw(_cdr_extras(bare)) if has_cdr_extras else (),
        cdr_legs=draw(_legs(())) if "multi_leg_bye_info" in bare.parameters else (),
    )
    return draw(_with_others(profile, texts))


@st.composite
def _flags(draw: st.DrawFn, bare: AccountingProfile) -> Flags:
    if bare.uses_do_accounting:
        return Flags()
    if takes_flag_names(bare.product, bare.version):
        one_flag = st.builds(MessageFlag, st.none(), names.map(str.upper))
    elif bare.product is Product.KAMAILIO and bare.version >= (3, 0):
        named = st.builds(lambda number: MessageFlag(number, f"FLT_{number}"), st.integers(1, 31))
        one_flag = st.integers(1, 31).map(MessageFlag) | named
    else:
        one_flag = st.integers(0, 31).map(MessageFlag)
    return Flags(
        account={one: draw(one_flag) for one in bare.backends},
        missed={one: draw(one_flag) for one in bare.backends},
        failed=draw(st.none() | one_flag),
        prepare=draw(st.none() | one_flag) if "acc_prepare_flag" in bare.parameters else None,
        cdr=draw(st.none() | one_flag) if "cdr_flag" in bare.parameters else None,
    )


def _asked(bare: AccountingProfile) -> st.SearchStrategy[DoAccounting]:
    some = st.frozensets(st.sampled_from(list(bare.backends)))
    has_table = Backend.SQL in bare.backends and bare.version >= (3, 0)  # before, only together with flags
    all_or_none = st.sampled_from([frozenset(), frozenset(bare.backends)])
    return st.builds(
        DoAccounting,
        missed=some,
        failed=all_or_none,
        cdr=all_or_none,
        table=st.just("") | names if has_table else st.just(""),
    )


@st.composite
def _extras(draw: st.DrawFn, used: Sequence[Backend]) -> tuple[ExtraDefinition, ...]:
    return tuple([draw(_extra(name, used)) for name in draw(st.lists(_field_names, unique=True, max_size=5))])


_field_names = st.sampled_from(sorted(_VARIABLES)) | names.map(lambda name: f"x_{name}")


@st.composite
def _extra(draw: st.DrawFn, name: str, used: Sequence[Backend]) -> ExtraDefinition:
    variable = _VARIABLES.get(name, f"$hdr({name})")
    logged = draw(st.sets(st.sampled_from(list(used)), min_size=1))
    labels = {one: _label(name, one) for one in Backend if one in logged}
    return ExtraDefinition(
        name,
        variable,
        labels,
        suggest_role(name, variable),
        draw(st.sampled_from(SqlType)),
        draw(st.integers(1, 255)),
        radius_type=draw(st.none() | st.sampled_from(RadiusType)),
    )


def _label(name: str, backend: Backend) -> str:
    if backend is Backend.RADIUS:
        return name.replace("_", "-").title()
    # a Diameter label is the decimal code of an AVP; the same name must give the same code
    return str(1000 + sum(map(ord, name)) * 7 % 60_000) if backend is Backend.DIAMETER else name


@st.composite
def _cdr_extras(draw: st.DrawFn, bare: AccountingProfile) -> tuple[ExtraDefinition, ...]:
    if bare.product is Product.OPENSIPS:
        with_list = [one for one in bare.backends if bare.known_backends[one].extra_bye]
        return draw(_extras(with_list)) if with_list else ()
    groups: list[tuple[Backend, ...]] = [(Backend.SYSLOG, Backend.SQL)]  # Kamailio has one list for both
    if Backend.JSON in bare.backends and "acc_json.cdr_extra" in bare.parameters:
        groups.append((Backend.JSON,))
    fields = []
    for name in draw(st.lists(_field_names, unique=True, max_size=4)):
        logged = [one for group in draw(st.sets(st.sampled_from(groups), min_size=1)) for one in group]
        variable = _VARIABLES.get(name, f"$hdr({name})")
        labels = {one: name for one in Backend if one in logged}
        fields.append(ExtraDefinition(name, variable, labels, suggest_role(name, variable)))
    return tuple(fields)


@st.composite
def _legs(draw: st.DrawFn, used: Sequence[Backend]) -> tuple[LegDefinition, ...]:
    found = draw(st.lists(st.sampled_from(["src", "dst", "type"]) | names, unique=True, max_size=4))
    labels = {one: draw(st.sets(st.sampled_from(list(used)), min_size=1)) if used else set() for one in found}
    return tuple(
        LegDefinition(
            one,
            f"$avp({one})",
            {backend: _label(f"leg_{one}", backend) for backend in Backend if backend in labels[one]},
            suggest_leg_role(one),
        )
        for one in found
    )


@st.composite
def _options(draw: st.DrawFn, bare: AccountingProfile, texts: st.SearchStrategy[str]) -> dict[str, Value]:
    applicable = bare.applicable_options()
    chosen = draw(st.sets(st.sampled_from(sorted(applicable)), max_size=6))
    options = {key: draw(_value(applicable[key], texts)) for key in sorted(chosen)}
    if "aaa_url" in applicable:
        options["aaa_url"] = "diameter:conf" if Backend.DIAMETER in bare.backends else "radius:/etc/radius.conf"
    if options.get("acc_json.cdr_enable"):
        options["cdr_enable"] = 1  # acc_json takes the records from acc, and does not start without them
    return {key: value for key, value in options.items() if value != applicable[key].default}


def _value(parameter: Parameter, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Value]:
    if parameter.kind is ParameterKind.SWITCH:
        return st.integers(0, 1)
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if parameter.is_integer:
        low, high = parameter.bounds or (64, 200)  # of what has no bounds: room for fields, RADIUS service types
        return st.integers(low, high)
    if parameter.name.endswith("facility"):
        return st.sampled_from(_FACILITIES)
    if parameter.name == "failed_filter":
        return st.lists(st.integers(300, 699).map(str), min_size=1, max_size=15).map(",".join)
    if parameter.name == "db_url":
        return texts.map(lambda text: f"mysql://proxy:{text}@localhost/sip")
    if "name" in parameter.allowed:  # of a column, a table, a queue, an AVP
        return names
    return texts


@st.composite
def _with_others(draw: st.DrawFn, profile: AccountingProfile, texts: st.SearchStrategy[str]) -> AccountingProfile:
    value = st.integers(-5, 5000) | texts
    others = [OtherParameter("acc", f"later_{name}", draw(value)) for name in draw(st.sets(names, max_size=2))]
    if profile.uses_dialog and draw(st.booleans()):
        others.append(OtherParameter("dialog", "default_timeout", draw(st.integers(60, 43_200))))
    return replace(profile, other_parameters=tuple(others))
