"""Translate the messages of the pure modules to the active language."""

from __future__ import annotations

from django.utils.translation import gettext

from proxyconf.vocabulary.messages import TranslatableText


def translated(text: str) -> str:
    """Return a message, and the messages among its values, in the active language; other text stays unchanged."""
    if not isinstance(text, TranslatableText):
        return text
    template = gettext(text.template)
    values = {name: translated(value) if isinstance(value, str) else value for name, value in text.values.items()}
    return template.format(**values) if values else template
