"""The reports that everybody has."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cdr.display.wording import Text

LAST_MONTH_BY_ACCOUNT = "period=last_month&group=account&per=day&figures=minutes,calls,answered,no_stop"


def built_in_reports(*, masked: bool) -> list[tuple[Text, str, Text]]:
    """Return them as name, query and description; who sees numbers masked cannot group by prefix."""
    reports: list[tuple[Text, str, Text]] = [
        (_("Traffic by day"), "period=30d&per=day", _("Calls and minutes of each of the last 30 days.")),
        (
            _("Accounts"),
            "period=this_month&group=account&sort=-minutes",
            _("Calls and minutes of each account, this month."),
        ),
        (
            _("Minutes per account per day"),
            LAST_MONTH_BY_ACCOUNT,
            _("Minutes of each account on each day of last month."),
        ),
        (
            _("Gateways"),
            "period=7d&group=gateway",
            _("Answers and failed attempts at each gateway, last 7 days."),
        ),
        (
            _("SIP responses"),
            "period=7d&group=sip_code&figures=calls,share",
            _("How calls ended, last 7 days."),
        ),
        (_("Busy hours"), "period=30d&per=hour_of_day", _("Traffic by hour of the day, last 30 days.")),
        (_("Weekdays"), "period=30d&per=weekday", _("Traffic by weekday, last 30 days.")),
    ]
    if not masked:
        prefixes = (
            _("Destinations"),
            "period=30d&group=callee_prefix&digits=4&sort=-minutes",
            _("Calls and minutes by the first digits of the callee, last 30 days."),
        )
        reports.insert(4, prefixes)
    return reports
