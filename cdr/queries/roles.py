"""The extra fields that hold an account or a gateway: their labels, and their value as a database expression."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.db.models import Exists, Expression, F, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Coalesce, NullIf

from cdr.correlation.record import Outcome
from cdr.models import Attempt, Call
from cdr.queries import patterns
from cdr.queries.conditions import Alternatives, read_pattern, text_condition
from proxyconf.models import Proxy
from proxyconf.vocabulary.layout import Role

MOST_LABELS = 8
ACCOUNT_VALUE, GATEWAY_VALUE = "account_value", "gateway_value"
_ANSWERED = Outcome.ANSWERED.value


def labels_with_role(role: Role) -> list[str]:
    """Return the labels of the extra fields that have ``role`` on any proxy; the role's own name where none has."""
    layouts = [proxy.field_layout for proxy in Proxy.objects.order_by("pk")]
    logged = [
        label
        for layout in layouts
        for labels in layout.extras.values()
        for label in layout.labels_with(role, [*labels, *layout.roles])
    ]
    return list(dict.fromkeys(logged))[:MOST_LABELS] or [role.value]


def value_of_role(role: Role, prefix: str = "") -> Expression:
    """Return the first value of an extra field with ``role``, null where none was logged or it is empty.

    ``prefix`` leads from the model that is queried to the call (``call__``).
    """
    values = [
        NullIf(patterns.ExtraText(f"{prefix}extra", Value(label)), Value(""), output_field=TextField())
        for label in labels_with_role(role)
    ]
    return values[0] if len(values) == 1 else Coalesce(*values)


def counted_at_its_own_gateway() -> Q:
    """Match the calls that count at the gateway of the call itself: answered ones, and those without failed attempt."""
    return Q(outcome=_ANSWERED) | ~Q(Exists(Attempt.objects.filter(call=OuterRef("pk"))))


class AccountFilter(Alternatives):
    """Calls by account: the value of the extra field that has this role."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(text_condition(ACCOUNT_VALUE, part=False, ignore_case=False), read=read_pattern, **kwargs)

    def filter(self, calls: QuerySet[Call], values: list[str]) -> QuerySet[Call]:
        if not values:
            return calls
        return super().filter(calls.alias(**{ACCOUNT_VALUE: value_of_role(Role.ACCOUNT)}), values)


class GatewayFilter(Alternatives):
    """Calls that a gateway answered or refused: that of the answer, or of a failed attempt."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(text_condition(GATEWAY_VALUE, part=False, ignore_case=False), read=read_pattern, **kwargs)

    def filter(self, calls: QuerySet[Call], values: list[str]) -> QuerySet[Call]:
        if not values:
            return calls
        of_attempt = text_condition("gateway", part=False, ignore_case=False)
        tried = Exists(Attempt.objects.filter(reduce(or_, map(of_attempt, values)), call=OuterRef("pk")))
        itself = reduce(or_, map(self.matching, values)) & counted_at_its_own_gateway()
        condition = Q(tried) | itself
        with_gateway = calls.alias(**{GATEWAY_VALUE: value_of_role(Role.GATEWAY)})
        return with_gateway.filter(~condition if self.negated else condition)


def same_gateway(prefix: str) -> Q:
    """Match the failed attempts at the gateway that answered their call; needs the alias ``GATEWAY_VALUE``."""
    both_unknown = Q(**{f"{GATEWAY_VALUE}__isnull": True}, gateway=None)
    return Q(**{f"{prefix}outcome": _ANSWERED}) & (Q(**{GATEWAY_VALUE: F("gateway")}) | both_unknown)
