from __future__ import annotations

import pytest

from proxyconf.vocabulary.arguments import argument_words, why_wrong_argument
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.variables import parse_variable


@pytest.mark.parametrize("text", ["$avp(a.b)", "$cnt($fU)", "$Mf(40)", "$Sf(x)", "$xavp(a=>)"])
def test_an_argument_that_kamailio_refuses_is_wrong_there_alone(text: str) -> None:
    assert why_wrong_argument(Product.KAMAILIO, parse_variable(text))
    assert why_wrong_argument(Product.OPENSIPS, parse_variable(text)) == ""


@pytest.mark.parametrize("text", ["$avp(s:a)", "$avp($var(x))", "$cnt($avp(x))", "$Mf(31)", "$Mf($var(x))", "$fU"])
def test_an_argument_that_kamailio_takes_is_not(text: str) -> None:
    assert why_wrong_argument(Product.KAMAILIO, parse_variable(text)) == ""


def test_words_are_known_of_variables_that_take_no_others() -> None:
    assert argument_words(Product.KAMAILIO, "expires") == ("min", "max")
    assert argument_words(Product.KAMAILIO, "hdr") == ()
    assert argument_words(Product.OPENSIPS, "time") == ()
