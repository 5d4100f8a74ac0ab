"""Texts for verdicts, findings and losses: what each means, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from cdr.display.wording import Text, Word, backend_name
from cdr.monitoring.drift import DriftFinding, Sign
from cdr.monitoring.health import Verdict
from cdr.monitoring.loss import Sort
from cdr.storage.replay import Replayed
from proxyconf.models import Profile, Proxy
from proxyconf.models.profile import profile_of
from proxyconf.public import AccountingProfile, acc_section
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.parameters import BackendNames, backends_of
from proxyconf.vocabulary.products import Product, Version

VERDICTS: Mapping[Verdict, Word] = {
    Verdict.WELL: Word(_("Healthy"), _("Events arrive and all input was parsed.")),
    Verdict.SWITCHED_OFF: Word(_("Switched off"), _("All sources are switched off. Nothing is collected.")),
    Verdict.WAITING: Word(_("No events yet"), _("A source is configured, but no accounting has arrived through it.")),
    Verdict.NO_SOURCE: Word(_("No source"), _("No source configured.")),
    Verdict.CLOCK_AHEAD: Word(
        _("Clock ahead"),
        _(
            "Events arrive before their own time (negative lag). Synchronize the clock of the proxy with NTP, and "
            "check its time zone."
        ),
    ),
    Verdict.REJECTS: Word(
        _("Rejecting input"),
        _("Some input looks like accounting but cannot be parsed. It is stored and can be re-parsed after a fix."),
    ),
    Verdict.SILENT: Word(
        _("Silent"), _("No event has arrived for much longer than usual. Check that the proxy still writes accounting.")
    ),
    Verdict.FAILING: Word(_("Receiver failing"), _("The receiver reports an error, shown below.")),
    Verdict.NOT_RUNNING: Word(
        _("Receiver not running"),
        _("No receiver serves this source. Start “manage.py up” or “manage.py collect” on a host that can."),
    ),
}

VERDICT_ICONS: Mapping[Verdict, str] = {
    Verdict.WELL: "check_circle",
    Verdict.SWITCHED_OFF: "power_settings_new",
    Verdict.WAITING: "hourglass_empty",
    Verdict.NO_SOURCE: "add_circle",
    Verdict.CLOCK_AHEAD: "schedule",
    Verdict.REJECTS: "report",
    Verdict.SILENT: "notifications_off",
    Verdict.FAILING: "error",
    Verdict.NOT_RUNNING: "cloud_off",
}

SORTS: Mapping[Sort, Word] = {
    Sort.ANSWER: Word(_("answers"), _("An INVITE got a 2xx: a START, or a re-INVITE within the call.")),
    Sort.BYE: Word(_("STOPs"), _("A BYE, regardless of the response. If it is lost, the end of the call is unknown.")),
    Sort.FAILED: Word(_("failed calls"), _("The caller received a final response of 300 or higher.")),
    Sort.MISSED: Word(_("missed calls"), _("A branch ended with a final response of 300 or higher.")),
    Sort.EARLY: Word(_("early media"), _("A provisional response with a body (early_media).")),
    Sort.ACK: Word(_("ACKs"), _("The ACK to a 2xx response (report_ack).")),
    Sort.CANCEL: Word(_("CANCELs"), _("The caller cancelled the call (report_cancels).")),
    Sort.CDR: Word(_("dialog records"), _("The proxy's own record of a complete call.")),
    Sort.OTHER: Word(
        _("other requests"), _("MESSAGE, REGISTER and other transactions that the proxy's script accounts.")
    ),
}


def replayed_in_words(result: Replayed) -> str:
    """Describe the result of re-parsing rejected input."""
    if not result.waited:
        return gettext("No rejected input is pending.")
    parts = [
        ngettext("{n} record was re-parsed:", "{n} records were re-parsed:", result.waited).format(n=result.waited),
        gettext("{taken} accepted ({events} new events), {ignored} not accounting, {failing} still rejected.").format(
            taken=result.taken, events=result.events, ignored=result.ignored, failing=result.failing
        ),
        gettext("More records are pending: re-parse the next part, or run “manage.py source replay” to re-parse all.")
        if result.more
        else "",
    ]
    return " ".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class Link:
    """A page on which a remedy can be applied."""

    label: Text
    address: str
    permission: str


@dataclass(frozen=True, slots=True)
class Advice:
    """A finding in words: ``what`` is wrong with which ``labels`` (hostile text), what it ``means``, and the remedy.

    ``lines`` are the exact lines of the proxy's configuration, if known.
    """

    what: str
    labels: tuple[str, ...]
    means: str
    remedy: str
    lines: str
    links: tuple[Link, ...]


def advise(findings: Iterable[DriftFinding], proxy: Proxy) -> list[Advice]:
    """Describe findings about ``proxy``, with configuration lines if it has a profile."""
    model = Profile.objects.filter(proxy=proxy).first()
    adviser = _Adviser(proxy, profile_of(model) if model else None)
    return [adviser.advice(finding) for finding in findings]


class _Adviser:
    def __init__(self, proxy: Proxy, profile: AccountingProfile | None) -> None:
        self._proxy = proxy
        self._profile = profile
        self._names = backends_of(Product(proxy.product), Version.parse(proxy.version))
        profile_page = _("Profile") if profile else _("Create profile")
        self._import = Link(
            _("Import configuration"),
            reverse("proxyconf:import", args=[proxy.name]),
            "proxyconf.change_profile",
        )
        self._page = Link(profile_page, reverse("proxyconf:profile", args=[proxy.name]), "proxyconf.view_profile")

    def advice(self, finding: DriftFinding) -> Advice:
        match finding.sign:
            case Sign.NEVER_SEEN:
                return self._never_seen(finding)
            case Sign.NOT_CONFIGURED:
                return self._not_configured(finding)
            case Sign.ALWAYS_EMPTY:
                return self._always_empty(finding)
            case Sign.LEGS_MIXED:
                return self._legs_mixed(finding)
            case Sign.GUESSED:
                return self._guessed(finding)

    def _never_seen(self, finding: DriftFinding) -> Advice:
        what = gettext("Configured for {place}, but missing in the newest {total} events:")
        match finding.backend:
            case Backend.SYSLOG if not finding.of_dialogs:
                means = gettext(
                    "A log line is parsed label by label, in the configured order. After the first missing label the "
                    "rest of the line cannot be parsed. The proxy runs a different configuration than the one stored "
                    "here."
                )
            case Backend.SQL:
                means = gettext(
                    "The table has no such column. If the proxy writes it, the database refuses every row; "
                    "otherwise the proxy runs a different configuration than the one stored here."
                )
            case Backend.RADIUS:
                means = gettext(
                    "RADIUS omits attributes without a value: the field was always empty, or the proxy runs a "
                    "different configuration than the one stored here."
                )
            case _:
                means = gettext("The proxy runs a different configuration than the one stored here.")
        lines = self._lines(finding, without=())
        remedy = (
            gettext(
                "Install the published configuration, with this line, on the proxy; or import the configuration that "
                "it runs."
            )
            if lines
            else gettext("Import the configuration that the proxy runs.")
        )
        return self._sentence(finding, what, means, remedy, lines, self._import, self._page)

    def _not_configured(self, finding: DriftFinding) -> Advice:
        what = gettext("Not configured for {place}, but logged in {often} of {total} events:")
        if finding.backend is Backend.SYSLOG:
            means = gettext("It is included in the preceding value, which is therefore wrong.")
        elif finding.of_legs:
            means = gettext("It is shown with its leg; its meaning is unknown.")
        else:
            means = gettext("It is shown with the extra fields; its meaning is unknown.")
        remedy = gettext(
            "Import the configuration that the proxy runs, or add the field to the profile and publish it."
        )
        return self._sentence(finding, what, means, remedy, "", self._import, self._page)

    def _always_empty(self, finding: DriftFinding) -> Advice:
        what = gettext("Logged to {place}, but empty in all {total} events:")
        means = gettext(
            "The variable has no value when the transaction is accounted. Extra fields are read from the "
            "request; values of a response, or values that the script sets later, are not available."
        )
        lines = self._lines(finding, without=finding.labels)
        remedy = (
            gettext("Set the value before the request is relayed, or leave the field out, with this line:")
            if lines
            else gettext("Set the value before the request is relayed, or leave the field out of {parameter}.").format(
                parameter=self._parameter(finding)
            )
        )
        return self._sentence(finding, what, means, remedy, lines, self._page)

    def _legs_mixed(self, finding: DriftFinding) -> Advice:
        what = ngettext(
            "Leg values are mixed in {often} of the newest {total} call:",
            "Leg values are mixed in {often} of the newest {total} calls:",
            finding.total,
        )
        means = gettext(
            "The proxy keeps each leg field in a separate stack. If one leg has no value, the value of another "
            "leg takes its place, so sources and destinations may be paired wrongly."
        )
        remedy = gettext("Push a value for every field and every leg, an empty one where there is none:")
        variables = {field.name: field.variable for field in self._profile.legs} if self._profile else {}
        lines = "\n".join(
            f'{variables.get(label, f"$avp({label})")} = "";' for label in finding.labels if _is_name(label)
        )
        return self._sentence(finding, what, means, remedy, lines, self._page)

    def _guessed(self, finding: DriftFinding) -> Advice:
        what = (
            gettext("Leg fields of {place} are not configured; they are guessed:")
            if finding.of_legs
            else gettext("Fields of {place} are not configured; they are guessed from each line:")
        )
        means = gettext(
            "A value that looks like a field can be mistaken for one. Do not trust extra fields that a caller "
            "controls, such as the User-Agent."
        )
        remedy = gettext("Import the proxy's configuration or publish its profile; then re-parse its events.")
        return self._sentence(finding, what, means, remedy, "", self._import, self._page)

    def _sentence(self, finding: DriftFinding, what: str, means: str, remedy: str, lines: str, *links: Link) -> Advice:
        place = backend_name(finding.backend)
        if finding.of_dialogs:
            place = gettext("{place} (dialog records)").format(place=place)
        elif finding.of_legs:
            place = gettext("{place} (legs)").format(place=place)
        sentence = what.format(place=place, often=finding.often, total=finding.total)
        return Advice(sentence, finding.labels, means, remedy, lines, links)

    def _parameter(self, finding: DriftFinding) -> str:
        names = self._names.get(finding.backend, BackendNames("acc"))
        if finding.of_legs:
            return "leg_fields" if names.type and not names.extra else "multi_leg_info"
        return "cdr_extra" if finding.of_dialogs else names.extra or "extra_fields"

    def _lines(self, finding: DriftFinding, without: tuple[str, ...]) -> str:
        """Return the profile's configuration lines for the fields, without some labels; empty without a profile."""
        if self._profile is None or finding.of_dialogs:
            return ""
        dropped = {label.lower() for label in without}
        profile = replace(
            self._profile,
            extras=tuple(
                replace(field, labels={b: text for b, text in field.labels.items() if b is not finding.backend})
                if field.labels.get(finding.backend, "").lower() in dropped
                else field
                for field in self._profile.extras
            ),
            legs=tuple(
                field for field in self._profile.legs if not (finding.of_legs and field.name.lower() in dropped)
            ),
        )
        return _statement(acc_section(profile), self._parameter(finding), self._names.get(finding.backend))


def _statement(section: str, parameter: str, names: BackendNames | None) -> str:
    """Return the ``modparam`` of a parameter (of one backend, if all share it) in a section."""
    lines: list[str] = []
    is_inside = False
    for line in section.splitlines():
        if line.startswith("modparam("):
            is_inside = f'"{parameter}"' in line and (
                parameter not in ("extra_fields", "leg_fields") or names is None or f'"{names.type}:' in line
            )
        if is_inside:
            lines.append(line)
            is_inside = not line.endswith(")")
    return "\n".join(lines)


def _is_name(label: str) -> bool:
    return label.isascii() and label.replace("_", "").replace("-", "").isalnum()
