"""Verdicts, findings and losses in words: what each means, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from cdr.display.wording import Text, Word
from cdr.monitoring.drift import Finding, Sign
from cdr.monitoring.health import Verdict
from cdr.monitoring.loss import Sort
from cdr.storage.replay import Replayed
from proxyconf.models import Profile, Proxy
from proxyconf.models.profile import profile_of
from proxyconf.public import BACKEND_NAMES, acc_section
from proxyconf.public import Profile as ProfileValue
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.parameters import BackendNames, backends_of
from proxyconf.vocabulary.products import Product, Version

VERDICTS: Mapping[Verdict, Word] = {
    Verdict.WELL: Word(_("well"), _("Events arrive, and all that was received was understood.")),
    Verdict.SWITCHED_OFF: Word(_("switched off"), _("Every source is switched off, so nothing is collected.")),
    Verdict.WAITING: Word(
        _("waits for its first event"), _("A source is set up, and nothing that is accounting has come through it yet.")
    ),
    Verdict.NO_SOURCE: Word(_("no source"), _("Nobody said how the events of this proxy arrive.")),
    Verdict.REJECTS: Word(
        _("rejects input"),
        _("Input came that looks like accounting and could not be understood. It is kept, and read again after a fix."),
    ),
    Verdict.SILENT: Word(
        _("silent"), _("Nothing came for much longer than is usual for this source. Does the proxy still account?")
    ),
    Verdict.FAILING: Word(_("receiver in trouble"), _("The receiver cannot do its work; it says why.")),
    Verdict.NOT_RUNNING: Word(
        _("receiver not running"),
        _("Nobody serves the source: start “manage.py up” or “manage.py collect” on a machine that can."),
    ),
}

VERDICT_ICONS: Mapping[Verdict, str] = {
    Verdict.WELL: "check_circle",
    Verdict.SWITCHED_OFF: "power_settings_new",
    Verdict.WAITING: "hourglass_empty",
    Verdict.NO_SOURCE: "add_circle",
    Verdict.REJECTS: "report",
    Verdict.SILENT: "notifications_off",
    Verdict.FAILING: "error",
    Verdict.NOT_RUNNING: "cloud_off",
}

SORTS: Mapping[Sort, Word] = {
    Sort.ANSWER: Word(_("answers"), _("An INVITE got a 2xx: a START, or a re-INVITE within the call.")),
    Sort.BYE: Word(_("STOPs"), _("A BYE, whatever its reply. Where it is lost, the call has no end.")),
    Sort.FAILED: Word(_("failed calls"), _("A final reply of 300 and more went to the caller.")),
    Sort.MISSED: Word(_("missed calls"), _("A forwarding attempt ended with 300 and more.")),
    Sort.EARLY: Word(_("early media"), _("A provisional reply with a body (early_media).")),
    Sort.ACK: Word(_("ACKs"), _("The ACK of an answer (report_ack).")),
    Sort.CANCEL: Word(_("CANCELs"), _("The caller gave up (report_cancels).")),
    Sort.CDR: Word(_("dialog records"), _("The proxy's own record of a whole call.")),
    Sort.OTHER: Word(_("other requests"), _("MESSAGE, REGISTER and other transactions that the script accounts.")),
}


def backend_name(backend: Backend | str) -> str:
    return BACKEND_NAMES[Backend(backend)]


def replayed_in_words(done: Replayed) -> str:
    """Say how many waited, were taken and still fail."""
    if not done.waited:
        return gettext("Nothing waits to be read again.")
    parts = [
        ngettext("{n} record was read again:", "{n} records were read again:", done.waited).format(n=done.waited),
        gettext("{taken} understood ({events} new events), {ignored} no accounting, {failing} still rejected.").format(
            taken=done.taken, events=done.events, ignored=done.ignored, failing=done.failing
        ),
        gettext("More waits: read the next part, or run “manage.py source replay”, which reads all.")
        if done.more
        else "",
    ]
    return " ".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class Link:
    """Where a remedy can be applied."""

    label: Text
    address: str
    permission: str


@dataclass(frozen=True, slots=True)
class Advice:
    """A finding in words: ``what`` is so, for which ``labels`` (hostile text), what it ``means``, what to do, with the
    exact ``lines`` for the proxy's configuration where they are known.
    """

    what: str
    labels: tuple[str, ...]
    means: str
    remedy: str
    lines: str
    links: tuple[Link, ...]


def advise(findings: Iterable[Finding], proxy: Proxy) -> list[Advice]:
    """Put findings about ``proxy`` into words; its profile, where there is one, gives the lines."""
    model = Profile.objects.filter(proxy=proxy).first()
    about = _About(proxy, profile_of(model) if model else None)
    return [about.advice(one) for one in findings]


class _About:
    def __init__(self, proxy: Proxy, profile: ProfileValue | None) -> None:
        self._proxy = proxy
        self._profile = profile
        self._names = backends_of(Product(proxy.product), Version.parse(proxy.version))
        profile_page = _("Its profile") if profile else _("Begin a profile")
        self._import = Link(
            _("Import its configuration"),
            reverse("proxyconf:import", args=[proxy.name]),
            "proxyconf.change_profile",
        )
        self._page = Link(profile_page, reverse("proxyconf:profile", args=[proxy.name]), "proxyconf.view_profile")

    def advice(self, one: Finding) -> Advice:
        match one.sign:
            case Sign.NEVER_SEEN:
                return self._never_seen(one)
            case Sign.NOT_CONFIGURED:
                return self._not_configured(one)
            case Sign.ALWAYS_EMPTY:
                return self._always_empty(one)
            case Sign.LEGS_MIXED:
                return self._legs_mixed(one)
            case Sign.GUESSED:
                return self._guessed(one)

    def _never_seen(self, one: Finding) -> Advice:
        what = gettext("Known to be logged to {place}, and in none of the newest {total} events:")
        match one.backend:
            case Backend.SYSLOG if not one.of_dialogs:
                means = gettext(
                    "A log line is read by its labels in their order: from the first that is not there on, the rest of "
                    "the line is not understood. The proxy runs another configuration than the one known here."
                )
            case Backend.SQL:
                means = gettext(
                    "The table has no such column. Should the proxy write it, the database refuses every row; else it "
                    "runs another configuration than the one known here."
                )
            case Backend.RADIUS:
                means = gettext(
                    "RADIUS leaves out what has no value: it was always empty, or the proxy runs another configuration "
                    "than the one known here."
                )
            case _:
                means = gettext("The proxy runs another configuration than the one known here.")
        lines = self._lines(one, without=())
        remedy = (
            gettext("Give the proxy the configuration that was published, with this line; or import the one it runs.")
            if lines
            else gettext("Import the configuration that the proxy runs.")
        )
        return self._told(one, what, means, remedy, lines, self._import, self._page)

    def _not_configured(self, one: Finding) -> Advice:
        what = gettext("Logged to {place} in {often} of {total} events, and not known to be:")
        if one.backend is Backend.SYSLOG:
            means = gettext("It stands within the value before it, which is wrong by that.")
        elif one.of_legs:
            means = gettext("It is shown with its leg, and nothing is known of its meaning.")
        else:
            means = gettext("It is shown among the extra fields, and nothing is known of its meaning.")
        remedy = gettext(
            "Import the configuration that the proxy runs, or add the field to its profile and publish it."
        )
        return self._told(one, what, means, remedy, "", self._import, self._page)

    def _always_empty(self, one: Finding) -> Advice:
        what = gettext("Logged to {place}, and empty in all of {total} events:")
        means = gettext(
            "The variable has no value when the transaction is accounted. Extra fields are taken from the request: a "
            "value of a reply, or one that the script sets later, is not there yet."
        )
        lines = self._lines(one, without=one.labels)
        remedy = (
            gettext("Set the value before the request is relayed, or leave the field out, with this line:")
            if lines
            else gettext("Set the value before the request is relayed, or leave the field out of {parameter}.").format(
                parameter=self._parameter(one)
            )
        )
        return self._told(one, what, means, remedy, lines, self._page)

    def _legs_mixed(self, one: Finding) -> Advice:
        what = ngettext(
            "Values slid between legs in {often} of the newest {total} call:",
            "Values slid between legs in {often} of the newest {total} calls:",
            one.total,
        )
        means = gettext(
            "Each field of a leg is a stack of its own. What one leg lacks is filled from another, so that sources and "
            "destinations may be paired wrongly."
        )
        remedy = gettext("Push a value to every field for each leg, an empty one where there is none:")
        variables = {field.name: field.variable for field in self._profile.legs} if self._profile else {}
        lines = "\n".join(f'{variables.get(label, f"$avp({label})")} = "";' for label in one.labels if _is_name(label))
        return self._told(one, what, means, remedy, lines, self._page)

    def _guessed(self, one: Finding) -> Advice:
        what = (
            gettext("Which of the fields in {place} are those of legs is not known, and guessed:")
            if one.of_legs
            else gettext("What the proxy logs to {place} is not known, so each line is guessed at:")
        )
        means = gettext(
            "A value that holds what looks like a field may be taken for one: do not trust extra fields that a caller "
            "can write, such as the User-Agent."
        )
        remedy = gettext("Import the proxy's configuration, or publish its profile; then read its events again.")
        return self._told(one, what, means, remedy, "", self._import, self._page)

    def _told(self, one: Finding, what: str, means: str, remedy: str, lines: str, *links: Link) -> Advice:
        place = backend_name(one.backend)
        if one.of_dialogs:
            place = gettext("{place} (dialog records)").format(place=place)
        elif one.of_legs:
            place = gettext("{place} (legs)").format(place=place)
        said = what.format(place=place, often=one.often, total=one.total)
        return Advice(said, one.labels, means, remedy, lines, links)

    def _parameter(self, one: Finding) -> str:
        names = self._names.get(one.backend, BackendNames("acc"))
        if one.of_legs:
            return "leg_fields" if names.type and not names.extra else "multi_leg_info"
        return "cdr_extra" if one.of_dialogs else names.extra or "extra_fields"

    def _lines(self, one: Finding, without: tuple[str, ...]) -> str:
        """Return the lines of the profile's configuration that name the fields, less some; empty without a profile."""
        if self._profile is None or one.of_dialogs:
            return ""
        gone = {label.lower() for label in without}
        profile = replace(
            self._profile,
            extras=tuple(
                replace(field, labels={b: text for b, text in field.labels.items() if b is not one.backend})
                if field.labels.get(one.backend, "").lower() in gone
                else field
                for field in self._profile.extras
            ),
            legs=tuple(field for field in self._profile.legs if not (one.of_legs and field.name.lower() in gone)),
        )
        return _statement(acc_section(profile), self._parameter(one), self._names.get(one.backend))


def _statement(section: str, parameter: str, names: BackendNames | None) -> str:
    """Return the ``modparam`` of a parameter (of one backend, where all share it) out of a section."""
    found: list[str] = []
    taking = False
    for line in section.splitlines():
        if line.startswith("modparam("):
            taking = f'"{parameter}"' in line and (
                parameter not in ("extra_fields", "leg_fields") or names is None or f'"{names.type}:' in line
            )
        if taking:
            found.append(line)
            taking = not line.endswith(")")
    return "\n".join(found)


def _is_name(label: str) -> bool:
    return label.isascii() and label.replace("_", "").replace("-", "").isalnum()
