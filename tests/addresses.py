"""The names of all URL patterns, for tests that must cover each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.urls import URLPattern, URLResolver, get_resolver


def all_names() -> set[str]:
    """Return the name of each address, with its namespaces (``None``: it has no name)."""
    return set(_names(get_resolver().url_patterns))


def _names(patterns: Sequence[URLPattern | URLResolver], space: str = "") -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _names(one.url_patterns, f"{space}{one.namespace}:" if one.namespace else space)
        else:
            yield f"{space}{one.name}"
