"""What a variable's value can be: absent, a number, as long as the caller likes."""

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
# what the script sets itself: empty where it did not
_SCRIPT = frozenset({"avp", "var", "vz", "vn", "xavp", "xavu", "xavi", "shv", "sht", "dlg_var", "dlg", "T_branch_idx"})
# text that the caller or the callee writes
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
    """Return the variable as read; None if it is not exactly one."""
    try:
        return parse_variable(variable)
    except ValueError:
        return None


def may_be_empty(one: Expression) -> bool:
    """Return whether a request, a BYE for one, can be without the value."""
    if one.transformations and integer_form(one) is not IntegerForm.ALWAYS:
        return True
    return one.name not in _PRESENT or one.index is not None


def is_number(one: Expression) -> bool:
    """Return whether the value, written as text, is always digits."""
    if one.transformations:
        return integer_form(one) is IntegerForm.ALWAYS and not may_be_empty(one)
    return one.name in _DIGITS and not may_be_empty(one)


def is_set_by_the_script(one: Expression) -> bool:
    """Return whether nobody but the script decides on the value."""
    return one.name in _SCRIPT


def may_be_long(one: Expression) -> bool:
    """Return whether a caller or a callee decides how long the value is."""
    return one.name in _FOREIGN and not _ends_with(one, _SHORTENING)


def is_body(one: Expression) -> bool:
    """Return whether the value is a whole message or its body, long as a rule."""
    return one.name in _BODIES and not _ends_with(one, _SHORTENING)


def may_hold_separators(one: Expression) -> bool:
    """Return whether the value is text from the network that may hold ``;``, ``=`` and line breaks."""
    return one.name in _HEADERS and not _ends_with(one, _SAFE)


def is_credential(one: Expression) -> bool:
    """Return whether the value comes from the credentials of a request."""
    return one.name in _CREDENTIALS


def is_request_uri(one: Expression) -> bool:
    """Return whether the value is of the request URI."""
    return one.name in _REQUEST_URI


def _ends_with(one: Expression, wanted: tuple[str, ...]) -> bool:
    return bool(one.transformations) and one.transformations[-1].strip().startswith(wanted)


def suggested_type(variable: str) -> SqlType:
    """Return the type of column that fits what a variable holds: an integer only where every request has a number."""
    expression = expression_of(variable)
    if expression is None:
        return SqlType.VARCHAR
    if is_number(expression):
        return SqlType.INTEGER
    return SqlType.TEXT if is_body(expression) else SqlType.VARCHAR
