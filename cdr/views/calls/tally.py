"""The number of matching calls in words."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext

from cdr.display.markup import number
from cdr.queries.paging import Matches


def tally(matches: Matches) -> str:
    """Return the number of matching calls in words; an estimate is rounded to two digits."""
    if matches.estimated:
        worth = 10 ** max(0, len(str(matches.count)) - 2)  # the planner's estimate is not better than that
        return gettext("about {count} calls").format(count=number(round(matches.count / worth) * worth))
    if matches.at_least:
        return gettext("more than {limit} calls").format(limit=number(matches.count))
    return ngettext("{count} call", "{count} calls", matches.count).format(count=number(matches.count))
