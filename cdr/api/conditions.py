"""The conditions on calls as parameters of the API, for the filter of the pages and for the schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import django_filters
from django.utils import translation
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accweb.web.api.frame import NO_NULL
from cdr.queries.conditions import (
    LONGEST_TEXT,
    MOST_VALUES,
    Alternatives,
)
from cdr.queries.filters import CallFilter, SecondsFilter, unknown_parameters
from cdr.queries.moments import MomentFilter
from cdr.queries.names import EXTRA, NOT
from cdr.queries.visibility import Visibility


def call_filter(request: Request, visibility: Visibility, *others: str, **defaults: str) -> CallFilter:
    """Return the filter of the query string; raise ``ValidationError`` for an unknown parameter or invalid value.

    ``others`` are parameters that are not conditions; ``defaults`` are conditions that the query string overrides.
    """
    data = request.query_params.copy()
    for name, value in defaults.items():
        data.setdefault(name, value)
    for name in others:
        data.pop(name, None)
    calls = CallFilter(data, visibility)
    errors: dict[str, list[str]] = {name: list(map(str, messages)) for name, messages in calls.form.errors.items()}
    for name in unknown_parameters(data):
        errors[name] = [f"Unknown parameter; use one of: {', '.join([*CallFilter.base_filters, *others])}."]
    if errors:
        raise ValidationError(errors)
    return calls


def parameters() -> list[OpenApiParameter]:
    """Return every condition as a parameter of the schema."""
    with translation.override("en"):
        return [*map(_parameter, CallFilter.base_filters.items()), *_of_extra_fields()]


def _parameter(named: tuple[str, django_filters.Filter]) -> OpenApiParameter:
    name, filter_ = named
    several = isinstance(filter_, Alternatives)
    schema = _schema(name.removeprefix(NOT), filter_)
    bound = {} if "enum" in schema else {"maxItems": MOST_VALUES}  # repeated choices are one condition
    return OpenApiParameter(
        name,
        {"type": "array", "items": schema, **bound} if several else schema,
        description=_description(name, filter_),
        explode=True if several else None,
        style="form" if several else None,
    )


def _schema(name: str, filter_: django_filters.Filter) -> dict[str, Any]:
    """Return the schema of one value."""
    if isinstance(filter_, SecondsFilter):
        return {"type": "number", "minimum": 0, "maximum": 1e9}
    if isinstance(filter_, MomentFilter):
        return {"type": "string", "format": "date-time"}
    if values := [str(value) for value, _ in getattr(filter_.field, "choices", ()) if value != ""]:
        return {"type": "string", "enum": values}
    if name in ("sip_code", "attempt_code"):
        return {"type": "string", "pattern": "^[1-6]([0-9][0-9]|xx|XX)$"}
    if name == "id":
        return {"type": "string", "pattern": "^[0-9]{1,18}$"}
    return {"type": "string", "maxLength": filter_.extra.get("longest", LONGEST_TEXT), "pattern": NO_NULL}


def _description(name: str, filter_: django_filters.Filter) -> str:
    about = [str(filter_.label), str(filter_.extra.get("help_text") or "")]
    if name.startswith(NOT):
        about.insert(0, "Only calls for which this does not hold")
    if isinstance(filter_, MomentFilter):
        about.append("ISO 8601, a date alone too; without a zone UTC")
    if isinstance(filter_, Alternatives):
        about.append("May be repeated: the values are alternatives")
    return " ".join(text if text.endswith(".") else f"{text}." for text in about if text)


def _of_extra_fields() -> Iterator[OpenApiParameter]:
    for prefix, about in (("", "Calls whose"), (NOT, "Only calls for which this does not hold: their")):
        yield OpenApiParameter(
            f"{prefix}{EXTRA}LABEL",
            {"type": "string", "maxLength": LONGEST_TEXT, "pattern": NO_NULL},
            description=f"{about} extra field LABEL (its label in the proxy's configuration) has this value: complete, "
            "or with * as a wildcard; after =, * is an ordinary character. May be repeated.",
        )
