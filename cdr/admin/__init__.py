"""Sources, events and rejected input in the admin."""

from cdr.admin import events, rejected, sources  # noqa: F401  # each registers itself
