"""Usual names of values, and the labels that backends take for them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proxyconf.vocabulary.layout import Backend

USUAL_NAMES: Mapping[str, str] = {
    "$fU": "src_user",
    "$fd": "src_domain",
    "$fu": "from_uri",
    "$si": "src_ip",
    "$sp": "src_port",
    "$rU": "dst_user",
    "$rd": "dst_domain",
    "$ru": "request_uri",
    "$tU": "dst_ouser",
    "$tu": "to_uri",
    "$oU": "original_callee",
    "$ua": "ua",
    "$au": "account",
    "$ci": "call_id",
    "$ft": "from_tag",
    "$tt": "to_tag",
    "$dd": "gateway",
}
"""The usual name of a variable's value."""

_ARGUMENT = re.compile(r"\$\(?\w+\((?:[a-z]:)?([\w-]+)\)")


def suggested_name(variable: str) -> str:
    """Return the usual name of a variable's value; of a header or AVP its own name in lower case, else nothing."""
    match = _ARGUMENT.match(variable)
    return USUAL_NAMES.get(variable) or (match[1].lower().replace("-", "_") if match else "")


def suggested_label(backend: Backend, name: str) -> str:
    """Return a field's label for a backend; empty for Diameter, whose labels are numbers of AVPs."""
    if backend is Backend.RADIUS:
        return "-".join(part[:1].upper() + part[1:] for part in name.replace("_", "-").split("-"))
    return "" if backend is Backend.DIAMETER else name
