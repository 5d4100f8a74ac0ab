"""The arguments that Kamailio's variables take, as far as a wrong one stops the proxy at its start.

Seen with Kamailio 5.6: ``tests/kamailio/test_expressions.py`` starts it with right and with wrong ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.variables import Expression

_PARTS_OF_TIME = ("sec", "min", "hour", "mday", "mon", "year", "wday", "yday", "isdst")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "time": _PARTS_OF_TIME,
    "utime": _PARTS_OF_TIME,
    "TV": ("s", "u", "Sn"),
    "K": ("IPv4", "INET", "IPv6", "INET6", "UDP", "TCP", "TLS", "SCTP", "WS", "WSS"),
    "nh": ("u", "U", "d", "i", "p", "P"),
    "version": ("num", "full", "hash"),
    "expires": ("min", "max"),
}
_FLAGS = frozenset({"Mf", "Bf", "Sf"})
_COUNTABLE = re.compile(r"\$\(?(?:avp|xavp|xavu|xavi)\b")
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_LAST_FLAG = 31


def argument_words(product: Product, name: str) -> tuple[str, ...]:
    """Return the words of which a variable takes one; none if it takes others too, or nothing is known."""
    return _WORDS.get(name, ()) if product is Product.KAMAILIO else ()


def why_wrong_argument(product: Product, expression: Expression) -> str:
    """Return one sentence that says why the proxy refuses the argument of a variable; empty if nothing is known
    against it.
    """
    argument = expression.argument or ""
    if product is not Product.KAMAILIO or not argument or (argument.startswith("$") and expression.name != "cnt"):
        return ""
    if expression.name in _FLAGS and not (_NUMBER.fullmatch(argument) and int(argument) <= _LAST_FLAG):
        return _("${name} takes the number of a flag, 0 to {last}.", name=expression.name, last=_LAST_FLAG)
    if expression.name == "cnt" and not _COUNTABLE.match(argument):
        return _("$cnt counts the values of an AVP or XAVP, as in $cnt($avp(x)).")
    if expression.name == "avp" and not argument.startswith(("i:", "s:")) and re.search(r"[.:]", argument):
        return _("The name of an AVP holds neither . nor :, and {name!r} does.", name=argument)
    if expression.name.startswith("xav") and argument.endswith("=>"):
        return _("{argument!r} lacks the name after =>.", argument=argument)
    return ""
