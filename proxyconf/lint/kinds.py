"""Properties of variables' values: whether they may be empty, are numbers, or have unlimited length."""

from __future__ import annotations

from proxyconf.profile import SqlType
from proxyconf.vocabulary.variables import Expression, IntegerForm, integer_form, parse_variable

# in every request, and never empty there
_PRESENT = frozenset(
    {
        *("ci", "cs", "ft", "fu", "from", "fd", "from.domain", "tu", "to", "td", "to.domain", "ru", "ruri", "rd"),
        *("ruri.domain", "rm", "rmid", "rv", "si", "siz", "src_ip", "sp", "su", "sut", "sas", "pr", "proto", "prid"),
        *("Ri", "Rp", "Ru", "Rut", "ml", "mi", "mt", "mts", "pp", "Ts", "TS", "Tf", "TF", "Tb", "mf", "sf", "bf"),
        *("ful", "tUl", "fUl", "rul", "hdrc", "cnt", "bs"),
    }
)
_DIGITS = frozenset(
    {
        *("cs", "rmid", "sp", "Rp", "RAp", "ml", "mi", "mt", "pp", "Ts", "TS", "Tb", "prid", "mf", "sf", "bf"),
        *("ful", "tUl", "fUl", "rul", "hdrc", "cnt", "bs"),
    }
)
# set by the script, else empty
_SCRIPT = frozenset({"avp", "var", "vz", "vn", "xavp", "xavu", "xavi", "shv", "sht", "dlg_var", "dlg", "T_branch_idx"})
# text from the caller or the callee
_FOREIGN = frozenset(
    {
        *("ua", "hdr", "hfl", "sel", "fU", "fu", "from", "from.user", "fn", "tU", "tu", "to", "to.user", "tn"),
        *("rU", "ru", "ruri", "ruri.user", "oU", "ou", "ouri", "ct", "ctu", "cT", "rt", "re", "di", "dir", "dic"),
        *("ai", "pu", "pU", "pn", "au", "aU", "Au", "AU", "ad", "adu", "ar", "msg", "mb", "mbu", "rb", "msgbuf", "sdp"),
        *("ct.fields", "branch", "rr"),
    }
)
_BODIES = frozenset({"mb", "mbu", "rb", "msgbuf", "sdp"})
_HEADERS = frozenset({"ua", "hdr", "hfl", "fn", "tn", "pn", "fU", "tU", "fu", "tu", "from", "to", "ct", "rb", "mb"})
_CREDENTIALS = frozenset({"au", "aU", "Au", "AU", "ad", "adu", "ar", "aa", "adc", "adn", "ado", "adr"})
_REQUEST_URI = frozenset({"ru", "rU", "rd", "ruri", "ruri.user", "ruri.domain"})
_SHORTENING = ("s.substr", "s.md5", "s.sha", "s.len", "s.int", "s.crc", "s.rm", "uri.port", "uri.scheme")
_SAFE = ("s.escape", "s.encode", "s.md5", "s.sha", "s.len", "s.int", "s.crc", "s.numeric")


def expression_of(variable: str) -> Expression | None:
    """Return the parsed variable; None if the text is not exactly one variable."""
    try:
        return parse_variable(variable)
    except ValueError:
        return None


def may_be_empty(expression: Expression) -> bool:
    """Return whether a request, for instance a BYE, may lack the value."""
    if expression.transformations and integer_form(expression) is not IntegerForm.ALWAYS:
        return True
    return expression.name not in _PRESENT or expression.index is not None


def is_number(expression: Expression) -> bool:
    """Return whether the value, written as text, is always digits."""
    if expression.transformations:
        return integer_form(expression) is IntegerForm.ALWAYS and not may_be_empty(expression)
    return expression.name in _DIGITS and not may_be_empty(expression)


def is_set_by_the_script(expression: Expression) -> bool:
    """Return whether only the script sets the value."""
    return expression.name in _SCRIPT


def may_be_long(expression: Expression) -> bool:
    """Return whether the caller or the callee determines the length of the value."""
    return expression.name in _FOREIGN and not _ends_with(expression, _SHORTENING)


def is_body(expression: Expression) -> bool:
    """Return whether the value is a whole message or its body, which is usually long."""
    return expression.name in _BODIES and not _ends_with(expression, _SHORTENING)


def may_hold_separators(expression: Expression) -> bool:
    """Return whether the value is text from the network that may contain ``;``, ``=`` and line breaks."""
    return expression.name in _HEADERS and not _ends_with(expression, _SAFE)


def is_credential(expression: Expression) -> bool:
    """Return whether the value comes from the credentials of a request."""
    return expression.name in _CREDENTIALS


def is_request_uri(expression: Expression) -> bool:
    """Return whether the value is part of the request URI."""
    return expression.name in _REQUEST_URI


def _ends_with(expression: Expression, prefixes: tuple[str, ...]) -> bool:
    return bool(expression.transformations) and expression.transformations[-1].strip().startswith(prefixes)


def suggested_type(variable: str) -> SqlType:
    """Return the column type for a variable: integer only if its value is a number in every request."""
    expression = expression_of(variable)
    if expression is None:
        return SqlType.VARCHAR
    if is_number(expression):
        return SqlType.INTEGER
    return SqlType.TEXT if is_body(expression) else SqlType.VARCHAR
