"""The other call of a B2BUA: it has a Call-ID of its own, which an extra field may carry (role ``related_call_id``)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q, Value

from cdr.events import call_key
from cdr.models import Call
from cdr.queries.patterns import ExtraText
from cdr.queries.visibility import Visibility
from proxyconf.models import Proxy
from proxyconf.vocabulary.layout import Role

MOST_LINKED = 20
_AROUND = timedelta(minutes=5)
_MOST_SEARCHED = 5_000


def linked_calls(visibility: Visibility, call: Call, proxies: Iterable[Proxy]) -> list[Call]:
    """Return the calls whose Call-ID a field of ``call`` carries, and those within five minutes of its start that carry
    its Call-ID, in time order.
    """
    labels = related_labels(proxies)
    others = visibility.calls().filter(superseded=False).exclude(call_key=call.call_key, call_id=call.call_id)
    named = {text for label in labels if (text := call.extra.get(label))}
    condition = Q(pk__in=())
    for text in named:
        condition |= Q(call_key=call_key(text), call_id=text)
    found = {other.pk: other for other in others.filter(condition)[:MOST_LINKED]} if named else {}
    for label in labels:
        near = Call.objects.filter(started_at__gte=call.started_at - _AROUND, started_at__lte=call.started_at + _AROUND)
        nearest = others.filter(pk__in=near.order_by("started_at", "id")[:_MOST_SEARCHED].values("pk"))
        carrying = nearest.alias(related=ExtraText("extra", Value(label))).filter(related=call.call_id)
        found |= {other.pk: other for other in carrying[:MOST_LINKED]}
    return sorted(found.values(), key=lambda other: (other.started_at, other.pk))


def related_labels(proxies: Iterable[Proxy]) -> list[str]:
    """Return the labels with the role ``related_call_id`` among the extra fields of ``proxies``."""
    layouts = [proxy.field_layout for proxy in proxies]
    return sorted(
        {
            label
            for layout in layouts
            for labels in layout.extras.values()
            for label in layout.labels_with(Role.RELATED_CALL_ID, labels)
        }
    )
