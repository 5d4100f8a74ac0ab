"""What is checked of conditions together: which proxies there are, what who sees numbers masked may not ask."""

from __future__ import annotations

import re
from datetime import timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdr.queries import patterns
from cdr.queries.conditions import LONGEST_TEXT, MOST_EXTRAS, is_text
from cdr.queries.names import EXTRA, NOT
from cdr.queries.periods import range_of
from cdr.queries.search import PAIR
from cdr.queries.visibility import Visibility
from proxyconf.models import Proxy

PARTIES = ("caller", "callee", "number", "between")
_WHOLE_VALUES = ("attempt_gateway", "account", "gateway")
_MAY_HOLD_NUMBERS = ("user_agent", "sip_reason")
_LONGEST_WITHOUT_INDEX = timedelta(days=31)
"""No index knows values without their labels: calls of a longer range would all be read."""


class ConditionsForm(forms.Form):
    """Checks what depends on who asks."""

    visibility: Visibility

    def clean(self) -> None:
        extras = [name for name in self.fields if is_extra(name)]
        for name in extras:
            if "\0" in name or not is_text(name) or len(name) > LONGEST_TEXT:
                self.add_error(name, _("This is not a valid label of an extra field."))
        for name in extras[MOST_EXTRAS:]:
            self.add_error(
                name, ValidationError(_("Filter by at most %(most)d extra fields."), params={"most": MOST_EXTRAS})
            )
        for name, values in list(self.cleaned_data.items()):
            plain = name.removeprefix(NOT)
            if plain == "proxy":
                self._check_proxies(name, values)
            if plain == "any_extra" and values and not self.is_short_range():
                self.add_error(name, _("Choose a time range of at most 31 days to search all extra fields."))
            if not self.visibility.numbers and about_numbers(name):
                self._check_whole(name, values)
            if not self.visibility.numbers and plain in _MAY_HOLD_NUMBERS:
                self._check_no_digits(name, values)

    def _check_proxies(self, name: str, values: list[str]) -> None:
        if not values:
            return
        known = set(Proxy.objects.values_list("name", flat=True))
        if self.visibility.proxies is not None:
            known &= self.visibility.proxies
        for value in values:
            if value not in known:
                there_are = ", ".join(sorted(known)) or _("none")
                text = _("unknown proxy %(value)r; choose one of: %(known)s")
                self.add_error(name, ValidationError(text, params={"value": value, "known": there_are}))

    def _check_whole(self, name: str, values: list[str]) -> None:
        """Who sees numbers masked must not find one out digit by digit."""
        parts = [part for value in values for part in (value.split(PAIR) if name.endswith("between") else [value])]
        if any(patterns.ANY in part and not part.startswith(patterns.EXACTLY) for part in parts):
            self.add_error(name, _("Numbers are masked for your account: enter a complete number without *."))

    def _check_no_digits(self, name: str, values: list[str]) -> None:
        if any(re.search(r"\d", value) and not value.startswith(patterns.EXACTLY) for value in values):
            self.add_error(
                name,
                _("Numbers are masked for your account: enter the complete value after =, or a part without digits."),
            )

    def is_short_range(self) -> bool:
        """Tell whether the calls lie in a range that may be read without an index for what is asked."""
        now, asked = timezone.now(), self.cleaned_data
        since, until = asked.get("since"), asked.get("until")
        if not (since or until):
            since, until = range_of(asked.get("period") or "all", now, timezone.get_current_timezone())
        return since is not None and (until or now) - since <= _LONGEST_WITHOUT_INDEX


def about_numbers(name: str) -> bool:
    """Tell whether a parameter may ask in part for what is masked to who may not see numbers."""
    plain = name.removeprefix(NOT)
    return plain in (*PARTIES, *_WHOLE_VALUES) or is_extra(plain)


def is_extra(name: str) -> bool:
    """Tell whether a parameter is about an extra field."""
    return len(name.removeprefix(NOT)) > len(EXTRA) and name.removeprefix(NOT).startswith(EXTRA)
