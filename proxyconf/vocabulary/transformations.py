"""Transformations of variables, as in ``$(ru{uri.user})``: which ones a release has and how many arguments they need.

The table ``transformations.csv`` was extracted from the sources (Kamailio: modules pv, textops, sqlops, corex and msrp;
OpenSIPS: transformations.c). ``since`` is empty for what Kamailio 3.1 and OpenSIPS 1.4 have already; ``arguments`` is
the smallest number of them.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from proxyconf.vocabulary.messages import any_of
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product, Version

_UNLISTED_CLASSES = frozenset({"json", "kzjson", "xhttpurl"})  # of modules whose names are not in the table


class Transformation(NamedTuple):
    """One transformation of a product; ``arguments`` is the smallest number that it takes."""

    product: Product
    name: str
    module: str
    since: Version | None
    arguments: int


@cache
def transformations_of(product: Product) -> Mapping[str, Transformation]:
    """Return the transformations of a product by name; those of OpenSER are those of either successor."""
    successors = (Product.OPENSIPS, Product.KAMAILIO) if product is Product.OPENSER else (product,)
    return {row.name: row for row in reversed(_table()) if row.product in successors}


def module_of(product: Product, text: str) -> str:
    """Return the module that a script must load for a transformation; empty for those that every script has."""
    known = transformations_of(product).get(text.partition(",")[0].strip().lower())
    return known.module if known and known.module not in ("pv", "core") else ""


def why_not_transformed(product: Product, version: Version, text: str) -> str:
    """Return one sentence that says why a release refuses a transformation, as written between braces; empty if it is
    not known to.
    """
    name, *arguments = text.strip().split(",")
    name = name.strip().lower()
    if name.partition(".")[0] in _UNLISTED_CLASSES:
        return ""
    title = f"{product.label} {version}"
    known = transformations_of(product).get(name)
    if known is None:
        near = difflib.get_close_matches(name, transformations_of(product), n=2, cutoff=0.6)
        if near:
            words = any_of(f"{{{one}}}" for one in near)
            return _(
                "{title} has no transformation {{{name}}}; did you mean {near}?", title=title, name=name, near=words
            )
        return _("{title} has no transformation {{{name}}}.", title=title, name=name)
    if product is not Product.OPENSER and known.since is not None and version[:2] < known.since[:2]:
        return _(
            "{title} has no transformation {{{name}}}: it came with {release}.",
            title=title,
            name=name,
            release=known.since,
        )
    if len(arguments) < known.arguments:
        return _(
            "{{{name}}} has {count} of the {needed} arguments that it needs.",
            name=name,
            count=len(arguments),
            needed=known.arguments,
        )
    return ""


@cache
def _table() -> tuple[Transformation, ...]:
    text = (files(__package__) / "transformations.csv").read_text(encoding="utf-8")
    return tuple(
        Transformation(
            Product(row["product"]),
            row["name"],
            row["module"],
            Version.parse(row["since"]) if row["since"] else None,
            int(row["arguments"]),
        )
        for row in csv.DictReader(text.splitlines())
    )
