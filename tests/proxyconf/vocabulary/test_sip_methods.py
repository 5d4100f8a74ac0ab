"""The numbers of SIP methods."""

from __future__ import annotations

import pytest

from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.sip_methods import METHOD_NAMES, METHOD_NUMBERS


@pytest.mark.parametrize("product", Product)
def test_each_method_is_a_bit_of_its_own(product: Product) -> None:
    numbers = METHOD_NUMBERS[product].values()
    assert all(number.bit_count() == 1 for number in numbers)
    assert len(METHOD_NAMES[product]) == len(METHOD_NUMBERS[product])


def test_the_methods_of_a_call_have_the_same_numbers_everywhere() -> None:
    numbers = {"INVITE": 1, "CANCEL": 2, "ACK": 4, "BYE": 8, "INFO": 16}
    assert all({name: METHOD_NUMBERS[product][name] for name in numbers} == numbers for product in Product)


def test_kamailio_differs_where_the_shipped_dictionaries_are_wrong_for_it() -> None:
    kamailio, opensips = METHOD_NUMBERS[Product.KAMAILIO], METHOD_NUMBERS[Product.OPENSIPS]
    assert {name for name in opensips if kamailio[name] != opensips[name]} == {
        "REGISTER",
        "SUBSCRIBE",
        "NOTIFY",
        "OPTIONS",
        "PRACK",
        "UPDATE",
        "OTHER",
    }
