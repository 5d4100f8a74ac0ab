"""Pure: the events of a call become the call. No database, no clock, no settings; ``fold.fold`` is the way in."""
