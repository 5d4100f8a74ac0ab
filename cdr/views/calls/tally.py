"""How many calls match, in words."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext

from cdr.display.markup import number
from cdr.queries.paging import Matches


def tally(matches: Matches) -> str:
    """Say how many calls match; an estimate is rounded to what it is worth."""
    if matches.estimated:
        worth = 10 ** max(0, len(str(matches.count)) - 2)  # the planner knows two digits at best
        return gettext("about {count} calls").format(count=number(round(matches.count / worth) * worth))
    if matches.at_least:
        return gettext("more than {limit} calls").format(limit=number(matches.count))
    return ngettext("{count} call", "{count} calls", matches.count).format(count=number(matches.count))
