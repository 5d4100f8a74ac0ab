from __future__ import annotations

import pytest

from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.parameters import (
    RELEASES,
    ParameterKind,
    VersionRange,
    backends_of,
    find_parameter,
    is_known,
    parameters_of,
    uses_do_accounting,
    why_absent,
    why_no_backend,
)
from proxyconf.vocabulary.products import Product, Version

K, OS, SER = Product.KAMAILIO, Product.OPENSIPS, Product.OPENSER


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("3.0+", ["3.0", "3.0.4", "6.1", "99.0"], ["1.5", "2.9"]),
        ("3.1-5.0", ["3.1", "4.4.7", "5.0.9"], ["3.0", "5.1"]),
        ("1.1", ["1.1", "1.1.3"], ["1.0", "1.2"]),
        ("1.9-2.1", ["1.9", "1.10", "1.11", "2.1"], ["1.8", "2.2"]),
    ],
)
def test_a_range_of_releases_holds_its_ends_to_the_minor_number(
    text: str, inside: list[str], outside: list[str]
) -> None:
    versions = VersionRange.parse(text)
    assert [one for one in inside if Version.parse(one) not in versions] == []
    assert [one for one in outside if Version.parse(one) in versions] == []


@pytest.mark.parametrize("text", ["", "x", "3.0+-4", "3.x"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="version"):
        VersionRange.parse(text)


def test_every_release_is_known() -> None:
    assert [
        (product, one)
        for product, versions in RELEASES.items()
        for one in versions
        if not is_known(product, Version.parse(one))
    ] == []


def test_a_parameter_has_the_default_of_its_release() -> None:
    assert parameters_of(K, Version(4, 0))["cdr_start_id"].default == "st"
    assert parameters_of(K, Version(5, 6))["cdr_start_id"].default == "start_time"
    assert parameters_of(SER, Version(1, 1))["report_ack"].default == 1
    assert parameters_of(SER, Version(1, 2))["report_ack"].default == 0


def test_kamailio_before_3_is_read_as_openser() -> None:
    assert parameters_of(K, Version(1, 5)) == parameters_of(SER, Version(1, 3))


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("early_media", ParameterKind.SWITCH),
        ("time_mode", ParameterKind.INTEGER),
        ("db_url", ParameterKind.TEXT),
        ("log_flag", ParameterKind.FLAG),
        ("acc_json.acc_missed_flag", ParameterKind.FLAG),
        ("radius_extra", ParameterKind.EXTRAS),
        ("cdr_extra", ParameterKind.EXTRAS),
        ("multi_leg_info", ParameterKind.LEGS),
    ],
)
def test_a_parameter_tells_how_its_value_is_to_be_treated(key: str, kind: ParameterKind) -> None:
    assert parameters_of(K, Version(5, 6))[key].kind is kind


def test_declarations_of_fields_are_repeatable() -> None:
    parameter = parameters_of(OS, Version(3, 4))["extra_fields"]
    assert (parameter.kind, parameter.repeatable) == (ParameterKind.FIELDS, True)


def test_allowed_integers_are_choices_where_they_are_few_and_bounds_else() -> None:
    known = parameters_of(K, Version(5, 6))
    assert known["db_insert_mode"].choices == (0, 1, 2)
    assert known["time_mode"].choices == (0, 1, 2, 3, 4)
    assert known["log_level"].choices == tuple(range(-5, 4))
    assert (known["diameter_client_port"].choices, known["diameter_client_port"].bounds) == ((), (1, 65_535))
    assert (known["acc_extra_size"].choices, known["acc_extra_size"].bounds) == ((), None)


def test_acc_json_has_parameters_of_the_same_name_as_acc() -> None:
    known = parameters_of(K, Version(5, 6))
    assert known["cdr_enable"].module == "acc"
    assert known["acc_json.cdr_enable"].module == "acc_json"
    assert find_parameter(K, Version(5, 6), "cdr_enable", "acc_json") == known["acc_json.cdr_enable"]


def test_a_parameter_is_found_in_its_module_only() -> None:
    assert find_parameter(K, Version(5, 6), "early_media", "acc_radius") is None
    assert find_parameter(K, Version(5, 6), "radius_flag", "acc_radius") is not None


@pytest.mark.parametrize(
    ("product", "version", "key", "why"),
    [
        (K, (3, 0), "cdr_enable", "Kamailio 3.0 has no cdr_enable: it came with 3.2."),
        (OS, (2, 3), "log_flag", "OpenSIPS 2.3 has no log_flag: its last release with it is 2.1."),
        (K, (5, 6), "aaa_url", "Kamailio 5.6 has no aaa_url: it belongs to OpenSIPS."),
        (SER, (1, 2), "multi_leg_enabled", "OpenSER 1.2 has no multi_leg_enabled: its last release with it is 1.1."),
        (K, (5, 6), "nonsense", "No known release has a parameter nonsense."),
        (K, (5, 6), "early_media", ""),
    ],
)
def test_what_is_absent_says_why(product: Product, version: tuple[int, int], key: str, why: str) -> None:
    assert why_absent(product, Version(*version), key) == why


def test_each_release_has_its_backends() -> None:
    assert list(backends_of(SER, Version(1, 3))) == [Backend.SYSLOG, Backend.SQL, Backend.RADIUS, Backend.DIAMETER]
    assert list(backends_of(K, Version(5, 6))) == [one for one in Backend if one is not Backend.EVENTS]
    assert Backend.DIAMETER not in backends_of(OS, Version(2, 2))
    assert Backend.DIAMETER in backends_of(OS, Version(3, 2))


def test_a_backend_is_addressed_by_the_names_of_the_release() -> None:
    assert backends_of(K, Version(3, 0))[Backend.RADIUS].module == "acc"
    assert backends_of(K, Version(3, 1))[Backend.RADIUS].module == "acc_radius"
    assert backends_of(OS, Version(1, 5))[Backend.RADIUS].flag == "radius_flag"
    assert backends_of(OS, Version(1, 6))[Backend.RADIUS].flag == "aaa_flag"
    assert backends_of(OS, Version(3, 4))[Backend.RADIUS].type == "aaa"
    assert backends_of(K, Version(5, 6))[Backend.JSON].extra_key == "acc_json.acc_extra"


@pytest.mark.parametrize(
    ("product", "version", "backend", "part"),
    [
        (K, (5, 1), Backend.JSON, "it came with 5.2"),
        (K, (5, 6), Backend.EVENTS, "belongs to OpenSIPS"),
        (OS, (2, 4), Backend.DIAMETER, "is 2.1, and 3.2 has it again"),
        (K, (5, 6), Backend.SQL, ""),
    ],
)
def test_a_backend_that_is_absent_says_why(
    product: Product, version: tuple[int, int], backend: Backend, part: str
) -> None:
    why = why_no_backend(product, Version(*version), backend)
    assert part in why if part else why == ""


def test_opensips_asks_in_the_script_from_2_2_on() -> None:
    assert not uses_do_accounting(OS, Version(2, 1))
    assert uses_do_accounting(OS, Version(2, 2))
    assert not uses_do_accounting(K, Version(6, 1))
