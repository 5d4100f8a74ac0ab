"""Reads the text of the search box as conditions of the list of calls.

Words stand between blanks. ``caller:alice`` says what it is about; a word alone is taken for what it looks like (a SIP
code, an address or network, a Call-ID, a state, a day or period, a number or part of it). A number may be written with
blanks between its parts, as people do; two numbers ask for the calls between both. ``-`` before a word asks for the
other calls.
Quotes hold a value with blanks together, two of them in it stand for one; what is quoted as a whole is never taken for
anything but text. Any text can be read: what makes no sense as a value is left to the condition to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import NamedTuple

from cdr.correlation.record import CallState, Flag, Outcome
from cdr.queries.names import EXTRA, NOT, SEARCH_ALIASES
from cdr.queries.search_shapes import call_id_in_brackets, period_at, user_of_uri
from proxyconf.vocabulary.layout import Backend

PREFIXES = (
    "number",
    "between",
    "caller",
    "callee",
    "call_id",
    "id",
    "source_ip",
    "sip_code",
    "sip_reason",
    "attempt_code",
    "attempt_gateway",
    "account",
    "gateway",
    "state",
    "outcome",
    "flag",
    "proxy",
    "backend",
    "user_agent",
    "tag",
    "any_extra",
    "released_by",
    "duration_kind",
    "min_duration",
    "max_duration",
    "since",
    "until",
    "period",
    "settled",
    "superseded",
)
"""The prefixes before a colon, with their parameters."""
SINGLE = frozenset({"since", "until", "period", "min_duration", "max_duration", "settled", "superseded"})
"""Conditions that have one value and no negation."""
_NAMES = {**SEARCH_ALIASES, **{name: name for name in PREFIXES}}
_WORDS: Mapping[str, str] = {
    **{flag.value: "flag" for flag in Flag},
    **{backend.value: "backend" for backend in Backend},
    **{outcome.value: "outcome" for outcome in Outcome},
    **{state.value: "state" for state in CallState},
}

Prefixes = Mapping[str, Sequence[str]]
NO_PREFIXES: Prefixes = {}
PAIR = ","
"""The separator of the two numbers of ``between``."""

_QUOTED = re.compile(r'"((?:[^"]|"")*)"?')
_BARE = re.compile(r"\S+")
_BLANKS = re.compile(r"\s*")
_PREFIX = re.compile(
    r"""[Ee][Xx][Tt][Rr][Aa]\.(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<label>[^\s:"][^\s:]*)):|(?P<name>[A-Za-z_][\w.-]*):"""
)
_CODE = re.compile(r"[1-6](?:[0-9]{2}|[xX]{2})")
_DIALLED = re.compile(r"[+(]?[0-9*#][0-9*#().\-/]*")
_IN_PARTS = re.compile(r"(?:\+|\(?0)[0-9()\-/]{0,6}(?:[ \u00a0]+[0-9(][0-9()./\-]*)+(?!\S)")
"""A number with spaces: it begins with + or 0 and a short part, the country or area code."""
_MOST_DIGITS = 15  # ITU-T E.164, 6.1
_TRUNK_PREFIX = re.compile(r"^(?P<country>(?:\+|00)[0-9]+)\(0\)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONG_ID = 16


class SearchCondition(NamedTuple):
    """A condition: its parameter and value in the URL."""

    parameter: str
    value: str


class Term(NamedTuple):
    """A word as written, without its ``-``, and its possible meanings: the first of ``readings`` is used."""

    text: str
    readings: tuple[SearchCondition, ...]

    @property
    def taken(self) -> SearchCondition:
        return self.readings[0]


def parse(text: str, prefixes: Prefixes = NO_PREFIXES) -> list[Term]:
    """Return the terms of a text. Every text has terms, every word is part of one, and nothing raises.

    ``prefixes`` says which conditions a word before a colon stands for besides ``PREFIXES``, in lower case: labels of
    extra fields and words for their roles.
    """
    terms = list(_terms(text, prefixes))
    numbers = [term for term in terms if _may_be_party(term)]
    if len(numbers) != 2:
        return terms
    return [_between(*numbers) if term is numbers[0] else term for term in terms if term is not numbers[1]]


def _may_be_party(term: Term) -> bool:
    """Tell whether a word without prefix was read as a number that may be one of a pair."""
    name, value = term.taken
    return name == "number" and len(term.readings) > 1 and PAIR not in value and any(map(str.isalnum, value))


def _between(first: Term, second: Term) -> Term:
    values = [first.taken.value, second.taken.value]
    text = " ".join(value if _BARE.fullmatch(value) else _quoted(value) for value in values)
    return Term(text, (SearchCondition("between", PAIR.join(values)), first.taken, second.taken))


def _terms(text: str, prefixes: Prefixes) -> Iterator[Term]:
    position = _skip(text, 0)
    while position < len(text):
        negated = text[position] == "-" and position + 1 < len(text) and not text[position + 1].isspace()
        prefix = _PREFIX.match(text, position + negated)
        names = _names(prefix, prefixes) if prefix else ()
        if prefix and names and not (negated and SINGLE.intersection(names)):
            start = _skip(text, prefix.end())
            if start < len(text):
                value, end = _value(text, start)
                if value:
                    meanings = [SearchCondition(_signed(name, negated), _known(name, value)) for name in names]
                    yield Term(text[position + negated : end], tuple(meanings))
                position = _skip(text, end)
                continue
        if not negated and (period := period_at(text, position)):
            name, end = period
            words = text[position:end]
            yield Term(words, (SearchCondition("period", name), *_as_text(words)))
            position = _skip(text, end)
            continue
        quoted = text[position + negated] == '"'
        term, end = _number_in_parts(text, position + negated) or _value(text, position + negated)
        if not quoted and not negated and _DAY.fullmatch(term):
            yield from (Term(term, (SearchCondition(name, term),)) for name in ("since", "until"))
        elif term:
            readings = _as_text(term) if quoted else _meanings(term)
            yield Term(term, tuple(SearchCondition(_signed(one, negated), value) for one, value in readings))
        position = _skip(text, end)


def _skip(text: str, position: int) -> int:
    blanks = _BLANKS.match(text, position)
    return blanks.end() if blanks else position


def _value(text: str, position: int) -> tuple[str, int]:
    """Return the value that begins there, and its end; a quote that is not closed extends to the end of the text."""
    if found := _QUOTED.match(text, position):
        return found[1].replace('""', '"'), found.end()
    bare = _BARE.match(text, position)
    return (bare[0], bare.end()) if bare else ("", len(text))


def _number_in_parts(text: str, position: int) -> tuple[str, int] | None:
    """Return the number with spaces that begins there, and its end; ``None`` if there is none.

    What would make it longer than a number can be is not of it any more.
    """
    found = _IN_PARTS.match(text, position)
    if not found:
        return None
    end, digits = position, 0
    for part in _BARE.finditer(text, position, found.end()):
        digits += sum(map(str.isdigit, part[0]))
        if digits > _MOST_DIGITS or _DAY.fullmatch(part[0]):
            break
        end = part.end()
    return text[position:end], end


def _names(prefix: re.Match[str], prefixes: Prefixes) -> Sequence[str]:
    """Return the parameters that a prefix may stand for, the likeliest first."""
    if name := prefix["name"]:
        return [_NAMES[name.lower()]] if name.lower() in _NAMES else prefixes.get(name.lower(), ())
    return [EXTRA + (prefix["quoted"].replace('""', '"') if prefix["quoted"] else prefix["label"])]


def _signed(name: str, negated: bool) -> str:
    return NOT + name if negated else name


def _known(name: str, value: str) -> str:
    """Return a state, outcome, flag or backend in its canonical spelling; any other value unchanged."""
    spelt = _spelt(value)
    return spelt if _WORDS.get(spelt) == name else value


def _spelt(term: str) -> str:
    return term.lower().replace("-", "_").replace(" ", "_")


def _as_text(term: str) -> list[SearchCondition]:
    """Return the readings of a text without a recognisable form: part of a number, or of other fields."""
    part = term if "*" in term else f"*{term}*"
    return [
        SearchCondition("number", term),
        SearchCondition("call_id", part),
        SearchCondition("user_agent", term),
        SearchCondition("tag", part),
        SearchCondition("sip_reason", term),
        SearchCondition("any_extra", term),
    ]


def _meanings(term: str) -> list[SearchCondition]:
    """Return the possible meanings of a word without prefix, the likeliest first."""
    found: list[SearchCondition] = []
    if user := user_of_uri(term):
        found.append(SearchCondition("number", _dialled(user) or user))
    elif call_id := call_id_in_brackets(term):
        found.append(SearchCondition("call_id", call_id))
    if _spelt(term) in _WORDS:
        found.append(SearchCondition(_WORDS[_spelt(term)], _spelt(term)))
    if _CODE.fullmatch(term):
        found.append(SearchCondition("sip_code", term))
    if _is_network(term):
        found.append(SearchCondition("source_ip", term))
    number = _dialled(term)
    if number:
        found.append(SearchCondition("number", number))
        if (national := number.lstrip("0")) not in ("", number):  # the proxy may log it with the country before it
            found.append(SearchCondition("number", national))
    elif _is_identifier(term):
        found += [SearchCondition("call_id", term), SearchCondition("tag", term)]
    return list(dict.fromkeys([*found, *_as_text(term)]))


def _is_network(term: str) -> bool:
    if not ("." in term or ":" in term):  # Python takes a number alone for an address
        return False
    try:
        ip_network(term.removeprefix("[").removesuffix("]"), strict=False)
    except ValueError:
        return False
    return True


def _dialled(term: str) -> str:
    """Return a word that is a number without its separators; an empty string for any other word."""
    joined = re.sub(r"\s", "", term)
    if not _DIALLED.fullmatch(joined) or _is_network(joined):
        return ""
    return re.sub(r"[().\-/]", "", _TRUNK_PREFIX.sub(r"\g<country>", joined))


def _is_identifier(term: str) -> bool:
    """Tell whether a word looks like a Call-ID or a tag: long and of letters and digits, or a name at a host."""
    if "*" in term or ":" in term:
        return False
    user, position, host = term.partition("@")
    if position:
        return bool(host) and not re.fullmatch(r"[+0-9*#]+", user)
    return len(term) >= _LONG_ID and any(map(str.isdigit, term)) and any(map(str.isalpha, term))


def written(conditions: Iterable[tuple[str, str]]) -> str:
    """Write conditions as text for the search box, which ``parse`` reads back. Other parameters are left out."""
    return " ".join(filter(None, (_written(name, value) for name, value in conditions)))


def _written(parameter: str, value: str) -> str:
    name = parameter.removeprefix(NOT)
    sign = "-" if parameter.startswith(NOT) else ""
    if name.startswith(EXTRA) and len(name) > len(EXTRA):
        label = name.removeprefix(EXTRA)
        prefix = EXTRA + (_quoted(label) if re.search(r'[\s:"]', label) else label)
    elif name in PREFIXES and not (sign and name in SINGLE):
        prefix = name
    else:
        return ""
    bare = _BARE.fullmatch(value) and not value.startswith('"')
    return f"{sign}{prefix}:{value if bare else _quoted(value)}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
