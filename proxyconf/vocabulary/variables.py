"""Pseudo-variables: their syntax, and which ones a product has.

The table ``pseudo_variables.csv`` was extracted from the sources: ``since`` and ``until`` name the first and the last
release whose modules export the variable, compared from Kamailio 3.1 and OpenSIPS 1.4 on; empty where the range is
open. OpenSER has no table of its own: it is assumed to have the variables of both successors.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from proxyconf.vocabulary.messages import any_of
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product, Version

_NAME = re.compile(r"[A-Za-z0-9_?.]+|\$")
_CONTEXT = re.compile(r"<[A-Za-z_]+>")  # OpenSIPS: $(<request>fU)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_AVP_ARGUMENT = re.compile(r"(?:([is]):)?(.+)", re.DOTALL)


class Takes(StrEnum):
    """Whether a variable takes an argument in parentheses."""

    NO = "no"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Availability(StrEnum):
    """The context in which a variable has a value."""

    ANY = "any"
    REQUEST = "request"
    REPLY = "reply"
    TRANSACTION = "transaction"
    DIALOG = "dialog"
    EVENT = "event"
    TIMER = "timer"
    ONSEND_ROUTE = "onsend_route"
    ERROR_ROUTE = "error_route"


class IntegerForm(StrEnum):
    """Whether a value is an integer: Kamailio's ``acc_radius`` then sends 4 bytes instead of text."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"  # a script variable that may hold either
    NEVER = "never"


class Variable(NamedTuple):
    """A pseudo-variable of a product; ``name`` has no ``$``."""

    product: Product
    name: str
    takes: Takes
    module: str
    settable: bool
    availability: Availability
    meaning: str
    since: Version | None = None
    until: Version | None = None

    def is_in(self, version: Version) -> bool:
        """Return whether a release has the variable; releases are compared by their first two numbers."""
        minor = tuple(version[:2])
        first, last = (limit[:2] if limit else minor for limit in (self.since, self.until))
        return first <= minor <= last


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed pseudo-variable; ``text`` is the source text.

    ``$(hdr(X)[1]{s.len})`` has name ``hdr``, argument ``X``, index ``1`` and transformations ``("s.len",)``.
    """

    text: str
    name: str
    argument: str | None = None
    index: str | None = None
    transformations: tuple[str, ...] = ()
    context: str = ""

    @property
    def avp(self) -> tuple[str, str] | None:
        """The kind (``i``, ``s`` or empty) and the name of an AVP; None for other variables."""
        match = _AVP_ARGUMENT.fullmatch(self.argument or "") if self.name == "avp" else None
        return (match[1] or "", match[2]) if match else None


def parse_variable(text: str) -> Expression:
    """Parse text that is exactly one pseudo-variable; raise ``ValueError`` with the reason."""
    expression, end = scan_variable(text.strip(), 0)
    rest = text.strip()[end:]
    if rest:
        raise ValueError(
            _(
                "{text!r} is more than one variable: {rest!r} follows {variable!r}",
                text=text.strip(),
                rest=rest,
                variable=expression.text,
            )
        )
    return expression


def scan_variable(text: str, start: int) -> tuple[Expression, int]:
    """Parse the pseudo-variable that begins at ``start``; return it and the position after it.

    Raise ``ValueError`` if none begins there.
    """
    if not text.startswith("$", start):
        raise ValueError(_("{text!r} is not a valid variable: a variable begins with $", text=text[start:]))
    if text.startswith("$(", start):
        end = _closing(text, start + 1)
        expression, inner_end = _scan_inside(text, start + 2, end - 1)
        if inner_end != end - 1:
            raise ValueError(
                _(
                    "{part!r} in {text!r} is neither index nor transformation",
                    part=text[inner_end : end - 1],
                    text=text[start:end],
                )
            )
        return _named(expression, text[start:end]), end
    expression, end = _scan_name(text, start + 1, len(text))
    return _named(expression, text[start:end]), end


def _named(expression: Expression, text: str) -> Expression:
    return Expression(
        text, expression.name, expression.argument, expression.index, expression.transformations, expression.context
    )


def _scan_name(text: str, start: int, limit: int) -> tuple[Expression, int]:
    match = _NAME.match(text, start, limit)
    if match is None:
        raise ValueError(
            _("{text!r} is not a valid variable: a name must follow the $", text=text[start - 1 : start + 20])
        )
    name, end = match[0], match.end()
    argument = None
    if end < limit and text[end] == "(":
        close = _closing(text, end)
        argument, end = text[end + 1 : close - 1].strip(), close
    else:
        # a full stop after a bare name is punctuation, not part of it
        name = name.rstrip(".") or name
        end = match.start() + len(name)
    return Expression("", name, argument), end


def _scan_inside(text: str, start: int, limit: int) -> tuple[Expression, int]:
    context = _CONTEXT.match(text, start, limit)
    start = context.end() if context else start
    expression, end = _scan_name(text, start, limit)
    index, transformations = None, []
    while end < limit and text[end] in "[{":
        close = _closing(text, end)
        if text[end] == "[":
            index = text[end + 1 : close - 1]
        else:
            transformations.append(text[end + 1 : close - 1])
        end = close
    return (
        Expression(
            "", expression.name, expression.argument, index, tuple(transformations), context[0] if context else ""
        ),
        end,
    )


def _closing(text: str, opening: int) -> int:
    """Return the position after the bracket that closes the one at ``opening``; brackets of the same kind nest."""
    opener, closer, depth = text[opening], _CLOSING[text[opening]], 0
    for position in range(opening, len(text)):
        if text[position] == opener:
            depth += 1
        elif text[position] == closer:
            depth -= 1
            if depth == 0:
                return position + 1
    raise ValueError(
        _("{text!r} has no closing {closer}", text=text[max(opening - 10, 0) : opening + 20], closer=closer)
    )


@cache
def variables_of(product: Product) -> Mapping[str, Variable]:
    """Return the variables of a product by name; for OpenSER, those of both successors."""
    products = (Product.OPENSIPS, Product.KAMAILIO) if product is Product.OPENSER else (product,)
    variables: dict[str, Variable] = {}
    for variable in _table():
        if variable.product in products:
            variables.setdefault(variable.name, variable)  # $dlg_var belongs to dialog first, then to ims_dialog
    return variables


def find_variable(product: Product, name: str) -> Variable | None:
    """Return the variable ``name`` (without ``$``), or None."""
    return variables_of(product).get(name)


def variables_in(product: Product, version: Version) -> Mapping[str, Variable]:
    """Return the variables of a release by name."""
    return {name: variable for name, variable in variables_of(product).items() if variable.is_in(version)}


def nearest_names(product: Product, name: str, count: int = 3, version: Version | None = None) -> list[str]:
    """Return the names most similar to ``name``, the nearest first: of one release, or of any."""
    names = variables_of(product) if version is None else variables_in(product, version)
    same = [other for other in names if other.lower() == name.lower()]
    near = difflib.get_close_matches(name, names, n=count, cutoff=0.5)
    return list(dict.fromkeys([*same, *near]))[:count]


def why_not_in(product: Product, version: Version, name: str) -> str:
    """Return a sentence that explains why a release lacks the variable ``name``; empty if it has it."""
    variable = find_variable(product, name)
    title = f"{product.label} {version}"
    if variable is None:
        return _("{title} has no variable ${name}.", title=title, name=name)
    if variable.is_in(version):
        return ""
    if variable.since is not None and version[:2] < variable.since[:2]:
        return _("{title} has no ${name}: it came with {release}.", title=title, name=name, release=variable.since)
    return _(
        "{title} has no ${name}: the last release with it is {release}.", title=title, name=name, release=variable.until
    )


def why_wrong(product: Product, expression: Expression) -> str:
    """Return a sentence that explains why a product refuses the variable; empty if it accepts it."""
    variable = find_variable(product, expression.name)
    if variable is None:
        if near := any_of(f"${similar}" for similar in nearest_names(product, expression.name)):
            return _(
                "{title} has no ${name}; did you mean {near}?", title=product.label, name=expression.name, near=near
            )
        return _("{title} has no ${name}.", title=product.label, name=expression.name)
    if variable.takes is Takes.REQUIRED and not expression.argument:
        return _("${name} needs an argument: ${name}(…).", name=expression.name)
    if variable.takes is Takes.NO and expression.argument is not None:
        return _("${name} takes no argument.", name=expression.name)
    return ""


# Variables whose getter in Kamailio's modules pv, core, tmx and dialog returns a number, possibly along with text.
_NUMBERS = frozenset(
    {
        *("sp", "Rp", "RAp", "rp", "op", "dp", "fsp", "rm", "rmid", "pr", "proto", "prid", "rP", "oP", "dP", "rz"),
        *("rs", "rsi", "ml", "bs", "cl", "mt", "mi", "pp", "sid", "conid", "mf", "sf", "bf", "mF", "sF", "bF"),
        *("Tb", "Tf", "TF", "Ts", "TS", "ful", "rul", "oUl", "fUl", "tUl", "cnt", "hdrc", "stat", "K", "rc", "retcode"),
        *("T_branch_idx", "T_reply_code", "T_reply_last", "DLG_count", "DLG_lifetime", "DLG_status"),
    }
)
_EITHER = frozenset({"var", "avp", "shv", "sht", "vz", "vn", "xavp", "xavu", "xavi"})
_NUMBER_TRANSFORMATIONS = frozenset({"s.len", "s.int", "s.countc", "param.count"})


def integer_form(expression: Expression) -> IntegerForm:
    """Return whether Kamailio returns the variable's value as an integer."""
    if expression.transformations:
        last = expression.transformations[-1].partition(",")[0].strip()
        return IntegerForm.ALWAYS if last in _NUMBER_TRANSFORMATIONS else IntegerForm.NEVER
    if expression.name in _NUMBERS:
        return IntegerForm.ALWAYS
    if expression.name in _EITHER and expression.index != "*":
        return IntegerForm.SOMETIMES
    return IntegerForm.NEVER


@cache
def _table() -> tuple[Variable, ...]:
    text = (files(__package__) / "pseudo_variables.csv").read_text(encoding="utf-8")
    return tuple(
        Variable(
            Product(row["product"]),
            row["name"],
            Takes(row["takes_argument"]),
            row["module"],
            row["settable"] == "yes",
            Availability(row["availability"]),
            row["meaning"],
            Version.parse(row["since"]) if row["since"] else None,
            Version.parse(row["until"]) if row["until"] else None,
        )
        for row in csv.DictReader(text.splitlines())
    )
