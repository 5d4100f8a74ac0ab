"""Calls to filter, and how tests filter them."""

from datetime import datetime

from django.http import QueryDict

from cdr.queries.filters import CallFilter
from cdr.queries.visibility import Visibility
from tests.factories import NOON


def asked(query: str = "", now: datetime = NOON) -> CallFilter:
    return CallFilter(QueryDict(query), Visibility(), now=now)
