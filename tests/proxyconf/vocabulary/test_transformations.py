"""Transformations by release."""

from __future__ import annotations

import pytest

from proxyconf.vocabulary.products import Product, Version
from proxyconf.vocabulary.transformations import why_not_transformed


@pytest.mark.parametrize(
    ("product", "release", "text"),
    [
        (Product.KAMAILIO, "5.6", "s.substr,0,3"),
        (Product.KAMAILIO, "5.6", "re.subst,/a/b/"),
        (Product.KAMAILIO, "6.1", "s.charat,2"),
        (Product.OPENSIPS, "3.4", "s.sha1"),
        (Product.OPENSIPS, "3.4", "ip.isip"),
        (Product.KAMAILIO, "5.6", "json.parse,x"),
    ],
)
def test_a_transformation_of_the_release_is_accepted(product: Product, release: str, text: str) -> None:
    assert why_not_transformed(product, Version.parse(release), text) == ""


@pytest.mark.parametrize(
    ("product", "release", "text", "why"),
    [
        (Product.KAMAILIO, "5.6", "s.charat,2", "Kamailio 5.6 has no transformation {s.charat}: it came with 5.8."),
        (Product.OPENSIPS, "3.2", "s.sha1", "OpenSIPS 3.2 has no transformation {s.sha1}: it came with 3.3."),
        (Product.KAMAILIO, "5.6", "s.substr,0", "{s.substr} has 1 of the 2 arguments that it needs."),
        (Product.KAMAILIO, "5.6", "uri.usr", "Kamailio 5.6 has no transformation {uri.usr}; did you mean {uri.user}"),
    ],
)
def test_a_transformation_that_the_release_refuses_says_why(
    product: Product, release: str, text: str, why: str
) -> None:
    assert why_not_transformed(product, Version.parse(release), text).startswith(why)
