"""Guess the product and version of a configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from proxyconf.parse.statements import Statements
from proxyconf.profile import USUAL_VERSION
from proxyconf.vocabulary.parameters import RELEASES, find_parameter, parameters_of
from proxyconf.vocabulary.products import Product, Version

ACC_MODULES = ("acc", "acc_radius", "acc_diameter", "acc_json")

_MARKS: dict[Product, re.Pattern[str]] = {
    Product.KAMAILIO: re.compile(
        r"#!KAMAILIO|/kamailio/|#!(?:define|ifdef|substdef)\b|\bacc_(?:radius|json|diameter)\b"
    ),
    Product.OPENSIPS: re.compile(r"/opensips/|\bdo_accounting\s*\(|\$acc_(?:extra|leg)\b|\bproto_udp\b"),
    Product.OPENSER: re.compile(r"/openser/|#!OPENSER"),
}
_USUAL: dict[Product, Version] = {
    Product.KAMAILIO: USUAL_VERSION,
    Product.OPENSIPS: Version(3, 4),
    Product.OPENSER: Version(1, 3),
}


def modules_meant(pattern: str, candidates: Iterable[str] = ACC_MODULES) -> list[str]:
    """Return the candidates that the first argument of ``modparam`` matches: one, or several as ``acc|acc_radius``.

    The proxies treat it as a regular expression. Only alternatives and ``.*`` are supported here.
    """
    modules: list[str] = []
    for alternative in pattern.strip("^$()").split("|"):
        name = alternative.strip()
        if name in candidates:
            modules.append(name)
        elif name.endswith(".*"):
            modules += [module for module in candidates if module.startswith(name.removesuffix(".*"))]
    return list(dict.fromkeys(modules))


def guess_product(text: str, statements: Statements) -> Product:
    """Return the product whose typical words the text contains, else whose parameters it uses most, else Kamailio."""
    parameters = _set_parameters(statements)
    marks = {product: len(pattern.findall(text)) for product, pattern in _MARKS.items()}
    marked = [product for product in Product if marks[product]]
    if len(marked) == 1:
        return marked[0]

    def rank(product: Product) -> tuple[int, int, bool]:
        return best_match(product, parameters)[0], marks[product], product is Product.KAMAILIO

    return max(Product, key=rank)


def guess_version(product: Product, statements: Statements) -> Version:
    """Return the version that has most of the text's parameters: the usual one, else the newest."""
    return best_match(product, _set_parameters(statements), _version_filter(product, statements))[1]


def best_match(
    product: Product, parameters: list[tuple[str, str]], accept: Callable[[Version], bool] = lambda _version: True
) -> tuple[int, Version]:
    """Return how many of the parameters (module, name) the best matching release has, and that release."""
    newest_first = [Version.parse(release) for release in reversed(RELEASES[product])]
    order = [version for version in (_USUAL[product], *newest_first) if accept(version)] or newest_first
    counts = [(_known(product, version, parameters), version) for version in order]
    best = max(count for count, _version in counts)
    return next(pair for pair in counts if pair[0] == best)


def _known(product: Product, version: Version, parameters: list[tuple[str, str]]) -> int:
    return sum(find_parameter(product, version, name, module) is not None for module, name in parameters)


def _set_parameters(statements: Statements) -> list[tuple[str, str]]:
    modparams = statements.modparams
    return [(module, modparam.name) for modparam in modparams for module in modules_meant(modparam.module)]


def _version_filter(product: Product, statements: Statements) -> Callable[[Version], bool]:
    """Return which versions fit the way in which the script requests accounting."""
    calls = any(call.name == "do_accounting" for call in statements.calls)
    declared = bool(statements.assignments) or any(
        modparam.name in ("extra_fields", "leg_fields") for modparam in statements.modparams
    )

    def accept(version: Version) -> bool:
        if product is not Product.OPENSIPS:
            return True
        return not (calls and version < Version(2, 2)) and not (
            declared and "extra_fields" not in parameters_of(product, version)
        )

    return accept
