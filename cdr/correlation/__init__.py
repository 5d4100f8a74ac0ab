"""Pure: correlate events into calls, without database, clock or settings. The entry point is ``fold.fold``."""
