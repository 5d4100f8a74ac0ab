"""Transformations of variables, as in ``$(ru{uri.user})``: which ones a release has and how many arguments they need.

The table ``transformations.csv`` was extracted from the sources (Kamailio: modules pv, textops, sqlops, corex and msrp;
OpenSIPS: transformations.c). ``since`` is empty for those that Kamailio 3.1 and OpenSIPS 1.4 already have;
``arguments`` is the minimum number of arguments.
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
    """A transformation of a product; ``arguments`` is the minimum number of arguments."""

    product: Product
    name: str
    module: str
    since: Version | None
    arguments: int


@cache
def transformations_of(product: Product) -> Mapping[str, Transformation]:
    """Return the transformations of a product by name; for OpenSER, those of both successors."""
    successors = (Product.OPENSIPS, Product.KAMAILIO) if product is Product.OPENSER else (product,)
    return {row.name: row for row in reversed(_table()) if row.product in successors}


def module_of(product: Product, text: str) -> str:
    """Return the module that a script must load for a transformation; empty if every script has it."""
    transformation = transformations_of(product).get(text.partition(",")[0].strip().lower())
    return transformation.module if transformation and transformation.module not in ("pv", "core") else ""


def why_not_transformed(product: Product, version: Version, text: str) -> str:
    """Return a sentence that explains why a release refuses a transformation; empty if it accepts it.

    ``text`` is what stands between the braces.
    """
    name, *arguments = text.strip().split(",")
    name = name.strip().lower()
    if name.partition(".")[0] in _UNLISTED_CLASSES:
        return ""
    title = f"{product.label} {version}"
    transformation = transformations_of(product).get(name)
    if transformation is None:
        near = difflib.get_close_matches(name, transformations_of(product), n=2, cutoff=0.6)
        if near:
            words = any_of(f"{{{similar}}}" for similar in near)
            return _(
                "{title} has no transformation {{{name}}}; did you mean {near}?", title=title, name=name, near=words
            )
        return _("{title} has no transformation {{{name}}}.", title=title, name=name)
    if product is not Product.OPENSER and transformation.since is not None and version[:2] < transformation.since[:2]:
        return _(
            "{title} has no transformation {{{name}}}: it came with {release}.",
            title=title,
            name=name,
            release=transformation.since,
        )
    if len(arguments) < transformation.arguments:
        return _(
            "{{{name}}} has {count} of the {needed} arguments that it needs.",
            name=name,
            count=len(arguments),
            needed=transformation.arguments,
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
