"""What was collected, in the admin: sources to set up, events and rejected input to look at."""

from cdr.admin import events, rejected, sources  # noqa: F401  # each registers itself
