"""Format times and durations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from cdr.display.markup import NARROW_SPACE, NOTHING, trimmed_decimal


def moment(value: datetime | None, precision: int = 1) -> SafeString:
    """Show a time in the reader's zone, with the fraction that its ``precision`` (microseconds) has."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        value.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        _formatted(local, precision),
    )


def moment_in(value: datetime, zone: tzinfo) -> SafeString:
    """Write a time in ``zone``, with the offset from UTC as a tooltip."""
    local = value.astimezone(zone)
    return format_html('<span title="UTC{}">{}</span>', f"{local:%z}", _formatted(local, 1))


def _formatted(local: datetime, precision: int) -> str:
    text = f"{local:%Y-%m-%d %H:%M:%S}"
    if local.microsecond and precision < 1_000_000:
        text += f".{local.microsecond:06d}"[: 4 if precision >= 1_000 or local.microsecond % 1000 == 0 else 7]
    return text


def clock(value: timedelta | None) -> str:
    """Write a duration as 0:42 or 1:02:03, truncated to whole seconds."""
    if value is None:
        return "–"
    sign = "−" if value < timedelta(0) else ""
    minutes, seconds = divmod(int(abs(value).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return sign + (f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}")


def exact_seconds(value: timedelta) -> str:
    """Write a duration in seconds with all its digits."""
    return f"{trimmed_decimal(value / timedelta(seconds=1), 6)}{NARROW_SPACE}s"


def lag(value: datetime, received: datetime, precision: int) -> SafeString:
    """Show the delay from an event's own time to its receipt; its time may be truncated to ``precision``."""
    late = received - value
    if late < -timedelta(microseconds=precision):
        return format_html(
            '<span class="skew" title="{}">{}</span>',
            _("The event is dated after its receipt: the proxy's clock is ahead, or its time zone is wrong here."),
            gettext("{length} early").format(length=clock(-late)),
        )
    if late < timedelta(seconds=2):
        return format_html('<span class="muted">{}</span>', _("immediately"))
    if late >= timedelta(days=1):
        text = ngettext("+{n} day", "+{n} days", late.days).format(n=late.days)
    else:
        text = gettext("+{length}").format(length=clock(late))
    return format_html('<span class="muted">{}</span>', text)


def since(passed: timedelta | None, precision: int) -> SafeString:
    """Show the time since the previous event, with the fraction that its ``precision`` has."""
    if passed is None:
        return SafeString("")
    if abs(passed) < timedelta(seconds=1):
        text = f"+{exact_seconds(passed)}" if passed > timedelta(0) and precision < 1_000_000 else "+0"
    else:
        text = f"{'+' if passed > timedelta(0) else ''}{clock(passed)}"
    return format_html('<span class="since" title="{}">{}</span>', _("since the previous event"), text)


def ago(value: datetime | None) -> str:
    """Say how long ago something was, in the largest unit."""
    if value is None:
        return gettext("never")
    seconds = int((timezone.now() - value).total_seconds())
    if seconds < 0:
        return gettext("in the future")
    minutes, hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if days:
        return ngettext("{n} day ago", "{n} days ago", days).format(n=days)
    if hours:
        return ngettext("{n} hour ago", "{n} hours ago", hours).format(n=hours)
    if minutes:
        return ngettext("{n} minute ago", "{n} minutes ago", minutes).format(n=minutes)
    return gettext("just now")
