"""What the calls of a report may be grouped by: the expression in the database, and the condition of a group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, F, TextField, Value, When
from django.db.models.functions import Lower, Substr
from django.utils.translation import gettext_lazy as _

from cdr.display.wording import OUTCOMES, RELEASED, STATES, Text
from cdr.queries import patterns
from cdr.queries.conditions import LONGEST_TEXT
from cdr.queries.names import EXTRA
from cdr.queries.roles import value_of_role
from cdr.queries.visibility import Visibility, masked, masked_text
from proxyconf.vocabulary.layout import Role

Key = str | int | tuple[str, ...] | None
"""The value that the calls of a group have in common; ``None``: they have none."""
DIGITS = 4
MOST_DIGITS = 15
_FIRST_CODE, _LAST_CODE = 100, 699


def _no_condition(key: Key) -> tuple[str, str] | None:
    return None


@dataclass(frozen=True, slots=True)
class Dimension:
    """What groups are told apart by.

    ``expression`` returns it for the way from the queried model to the call (``call__`` or nothing). ``condition``
    returns the parameter and value that select a group's calls in the list, if there are any. ``mask`` returns a key
    as who sees numbers masked may see it; such a reader is given no link then.
    """

    name: str
    label: Text
    expression: Callable[[str], Any]
    condition: Callable[[Key], tuple[str, str] | None] = _no_condition
    labels: dict[Any, Text] | None = None
    mask: Callable[[str], str | None] | None = None
    in_volumes: bool = False

    def shown(self, key: Key, visibility: Visibility) -> Key:
        """Return the key of a group as it may be shown."""
        return key if visibility.numbers or self.mask is None or not isinstance(key, str) else self.mask(key)

    def condition_for(self, key: Key, visibility: Visibility) -> tuple[str, str] | None:
        """Return the parameter and value that select the group's calls in the list; none where none can, or may."""
        return None if self.mask is not None and not visibility.numbers else self.condition(key)


def _column(name: str) -> Callable[[str], Any]:
    return lambda prefix: F(prefix + name)


def _whole(parameter: str) -> Callable[[Key], tuple[str, str] | None]:
    def condition(key: Key) -> tuple[str, str] | None:
        fits = isinstance(key, str) and key and len(key) < LONGEST_TEXT
        return (parameter, f"{patterns.EXACTLY}{key}") if fits else None

    return condition


def _word(parameter: str) -> Callable[[Key], tuple[str, str] | None]:
    return lambda key: (parameter, key) if isinstance(key, str) and key else None


def _code(key: Key) -> tuple[str, str] | None:
    return ("sip_code", str(key)) if isinstance(key, int) and _FIRST_CODE <= key <= _LAST_CODE else None


def _address(key: Key) -> tuple[str, str] | None:
    try:
        network = patterns.read_network(key) if isinstance(key, str) else None
    except ValueError:
        return None
    # other ways to write the address are other groups, and would be found as well
    return ("source_ip", str(key)) if network and str(network.network_address) == key else None


def _hidden(text: str) -> str | None:
    """Mask a value of a field that may name a party: what holds no number keeps its beginning alone."""
    without_numbers = masked_text(text)
    return masked(text) if without_numbers == text else without_numbers


_PLAIN: tuple[Dimension, ...] = (
    Dimension("account", _("Account"), lambda p: value_of_role(Role.ACCOUNT, p), _whole("account"), mask=_hidden),
    Dimension("gateway", _("Gateway"), lambda p: value_of_role(Role.GATEWAY, p), _whole("gateway"), mask=masked_text),
    Dimension("caller", _("Caller"), _column("caller"), _whole("caller"), mask=masked),
    Dimension("callee", _("Callee"), _column("callee"), _whole("callee"), mask=masked),
    Dimension("source_ip", _("Source IP"), _column("source_ip"), _address),
    Dimension("proxy", _("Proxy"), _column("proxies"), _word("proxy"), in_volumes=True),
    Dimension(
        "outcome",
        _("Outcome"),
        _column("outcome"),
        _word("outcome"),
        {outcome.value: word.label for outcome, word in OUTCOMES.items()},
        in_volumes=True,
    ),
    Dimension(
        "state",
        _("State"),
        _column("state"),
        _word("state"),
        {state.value: word.label for state, word in STATES.items()},
        in_volumes=True,
    ),
    Dimension("sip_code", _("SIP response"), _column("sip_code"), _code, in_volumes=True),
    Dimension(
        "released_by",
        _("Released by"),
        _column("released_by"),
        _word("released_by"),
        {who.value: word.label for who, word in RELEASED.items()},
    ),
)
PLAIN = {dimension.name: dimension for dimension in _PLAIN}
PREFIXES: dict[str, Text] = {"callee_prefix": _("Callee prefix"), "caller_prefix": _("Caller prefix")}


def extra_dimension(label: str) -> Dimension:
    """Return the dimension of one extra field."""
    name = EXTRA + label
    return Dimension(
        name, label, lambda prefix: patterns.ExtraText(f"{prefix}extra", Value(label)), _whole(name), mask=_hidden
    )


def prefix_dimension(name: str, digits: int) -> Dimension:
    """Return the dimension of the first ``digits`` of a party; a ``+`` before them is not counted."""
    column = name.removesuffix("_prefix")

    def expression(prefix: str) -> Any:
        party = f"{prefix}{column}"
        longer = Lower(Substr(party, 1, digits + 1))
        shorter = Lower(Substr(party, 1, digits))
        return Case(
            When(**{f"{party}__startswith": "+"}, then=longer),
            When(**{f"{party}__isnull": True}, then=Value(None)),
            default=shorter,
            output_field=TextField(),
        )

    def condition(key: Key) -> tuple[str, str] | None:
        if not isinstance(key, str) or not key or patterns.ANY in key or key.startswith(patterns.EXACTLY):
            return None
        if len(key.removeprefix("+")) == digits:
            return column, key + patterns.ANY
        return (column, patterns.EXACTLY + key) if key.upper() == key else None

    return Dimension(name, PREFIXES[name], expression, condition)
