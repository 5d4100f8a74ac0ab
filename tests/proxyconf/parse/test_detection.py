"""Product and version are guessed from typical words and from the parameters that a configuration sets."""

from __future__ import annotations

import pytest

from proxyconf.parse.detection import best_match, guess_product, guess_version, modules_meant
from proxyconf.parse.statements import Statements, read_statements
from proxyconf.parse.tokens import Reader
from proxyconf.profile import USUAL_VERSION
from proxyconf.vocabulary.parameters import RELEASES
from proxyconf.vocabulary.products import Product, Version


def statements(text: str) -> Statements:
    return read_statements(Reader(text))


def product_of(text: str) -> Product:
    return guess_product(text, statements(text))


def version_of(product: Product, text: str) -> Version:
    return guess_version(product, statements(text))


@pytest.mark.parametrize(
    ("pattern", "modules"),
    [
        ("acc", ["acc"]),
        ("acc|acc_json", ["acc", "acc_json"]),
        ("^(acc|acc_radius)$", ["acc", "acc_radius"]),
        ("acc_.*", ["acc_radius", "acc_diameter", "acc_json"]),
        ("acc|acc.*", ["acc", "acc_radius", "acc_diameter", "acc_json"]),
        ("tm", []),
        ("account", []),
        ("", []),
    ],
)
def test_the_module_of_a_parameter_can_be_a_pattern(pattern: str, modules: list[str]) -> None:
    assert modules_meant(pattern) == modules


def test_a_pattern_is_compared_with_the_given_modules() -> None:
    assert modules_meant("dial.*|tm", ("tm", "dialog", "dialplan")) == ["dialog", "dialplan", "tm"]


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("#!KAMAILIO\nroute { }", Product.KAMAILIO),
        ("#!define WITH_ACC\nroute { }", Product.KAMAILIO),
        ('mpath="/usr/lib/kamailio/modules/"', Product.KAMAILIO),
        ('loadmodule "acc_json.so"', Product.KAMAILIO),
        ('mpath="/usr/lib/opensips/modules/"', Product.OPENSIPS),
        ('route { do_accounting("db"); }', Product.OPENSIPS),
        ("route { $acc_extra(src) = $fU; }", Product.OPENSIPS),
        ('mpath="/usr/lib/openser/modules/"', Product.OPENSER),
        ("#!OPENSER\nroute { }", Product.OPENSER),
    ],
)
def test_one_typical_word_tells_the_product(text: str, product: Product) -> None:
    assert product_of(text) is product


def test_without_typical_words_the_parameters_tell_the_product() -> None:
    assert product_of('modparam("acc", "extra_fields", "db: a->b")') is Product.OPENSIPS
    assert product_of('modparam("acc", "cdr_extra", "a=$fU")') is Product.KAMAILIO


def test_parameters_outweigh_words_of_several_products() -> None:
    text = '# moved from /etc/kamailio/ to /etc/opensips/\nmodparam("acc", "extra_fields", "db: a->b")'
    assert product_of(text) is Product.OPENSIPS


def test_a_text_that_tells_nothing_is_taken_for_kamailio() -> None:
    assert product_of("") is Product.KAMAILIO


def test_a_text_that_fits_many_versions_is_of_the_usual_one() -> None:
    assert version_of(Product.KAMAILIO, 'modparam("acc", "log_flag", 1)') == USUAL_VERSION
    assert version_of(Product.OPENSIPS, "") == Version(3, 4)
    assert version_of(Product.OPENSER, "") == Version(1, 3)


def test_a_parameter_that_the_usual_version_lacks_tells_another_version() -> None:
    assert version_of(Product.KAMAILIO, 'modparam("acc_json", "output_mqueue", "q")') == Version(5, 3)
    assert version_of(Product.KAMAILIO, 'modparam("acc", "cdr_duration_mode", 1)') == Version(6, 1)
    older = 'modparam("acc", "multi_leg_enabled", 1)\nmodparam("acc", "db_missed_flag", 1)'
    assert version_of(Product.OPENSIPS, older) < Version(2, 2)


def test_a_call_of_do_accounting_excludes_versions_without_it() -> None:
    text = 'modparam("acc", "db_missed_flag", 1)\nroute { do_accounting("db"); }'
    assert version_of(Product.OPENSIPS, text) >= Version(2, 2)


def test_an_assigned_field_excludes_versions_that_do_not_declare_fields() -> None:
    text = 'modparam("acc", "db_extra", "a=$fU")\nroute { $acc_extra(a) = $fU; }'
    assert version_of(Product.OPENSIPS, text) >= Version(2, 3)


def test_the_best_match_has_most_of_the_parameters() -> None:
    count, version = best_match(Product.KAMAILIO, [("acc", "log_flag"), ("acc", "no_such_parameter")])
    assert (count, version) == (1, USUAL_VERSION)


def test_a_filter_that_accepts_no_version_is_ignored() -> None:
    _count, version = best_match(Product.KAMAILIO, [], lambda _version: False)
    assert version == Version.parse(RELEASES[Product.KAMAILIO][-1])
