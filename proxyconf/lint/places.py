"""What the rules walk over: the fields and labels of a profile, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from proxyconf.lint.registry import Place
from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product

BACKEND_WORDS: Mapping[Backend, str] = {
    Backend.SYSLOG: _("the log"),
    Backend.SQL: "SQL",
    Backend.RADIUS: "RADIUS",
    Backend.DIAMETER: "Diameter",
    Backend.JSON: "JSON",
    Backend.EVENTS: _("events"),
}
_KINDS = {
    "extras": _("extra field"),
    "legs": _("leg field"),
    "cdr_extras": _("field of dialog records"),
    "cdr_legs": _("leg field of dialog records"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the profile: ``kind`` is the name of its list there."""

    kind: str
    index: int
    one: ExtraDefinition | LegDefinition

    def at(self, part: str = "", words: str = "") -> Place:
        """Return the place of the field, or of a part of it."""
        place = _("{field} {number}", field=_KINDS[self.kind], number=self.index + 1)
        if self.one.name:
            place = _("{field} “{name}”", field=place, name=self.one.name)
        if words:
            place = _("{field}, {part}", field=place, part=words)
        path = f"{self.kind}[{self.index}]"
        return Place(f"{path}.{part}" if part else path, place)

    @property
    def variable(self) -> Place:
        """The place of its variable."""
        return self.at("variable", _("variable"))


class Label(NamedTuple):
    """A label that a backend gets. Labels of one ``record`` stand side by side in what the proxy writes."""

    text: str
    backend: Backend
    field: Field
    at: Place
    record: str


def used_backends(profile: AccountingProfile) -> tuple[Backend, ...]:
    """Return the backends in use that the release has."""
    return tuple(one for one in profile.backends if one in profile.known_backends)


def fields(profile: AccountingProfile) -> Iterator[Field]:
    """Yield the fields that the proxy looks at: those of a kind that its release has. Kamailio looks at those of dialog
    records only if such records are turned on.
    """
    for kind in ("extras", "legs", "cdr_extras", "cdr_legs"):
        asleep = kind == "cdr_extras" and profile.product is Product.KAMAILIO and not profile.uses_dialog
        if takes(profile, kind) and not asleep:
            yield from (Field(kind, index, one) for index, one in enumerate(getattr(profile, kind)))


def takes(profile: AccountingProfile, kind: str) -> bool:
    """Return whether a release has fields of a kind."""
    match kind:
        case "extras":
            return True
        case "legs":
            return profile.has_legs
        case "cdr_legs":
            return "multi_leg_bye_info" in profile.parameters
    return any(name in profile.parameters for name in ("cdr_extra", "log_extra_bye", "acc_json.cdr_extra"))


def labels(profile: AccountingProfile, *kinds: str) -> Iterator[Label]:
    """Yield the labels that the backends in use get, of all kinds of fields or of those named."""
    for found in fields(profile):
        if not kinds or found.kind in kinds:
            for backend in used_backends(profile):
                yield from _label(profile, found, backend)


def _label(profile: AccountingProfile, found: Field, backend: Backend) -> Iterator[Label]:
    kamailio_cdr = found.kind == "cdr_extras" and profile.product is Product.KAMAILIO
    record = f"{backend} dialog record" if kamailio_cdr else str(backend)
    if isinstance(found.one, LegDefinition) and not profile.uses_field_declarations:
        yield Label(found.one.name, backend, found, found.at("name", _("name")), record)
        return
    text, key = found.one.labels.get(backend, ""), backend
    if kamailio_cdr and backend in (Backend.SYSLOG, Backend.SQL):  # one list for both; the log's label counts
        key = Backend.SYSLOG if found.one.labels.get(Backend.SYSLOG) else Backend.SQL
        text = found.one.labels.get(key, "")
    if text:
        yield Label(
            text,
            backend,
            found,
            found.at(f"labels.{key}", _("label for {backend}", backend=BACKEND_WORDS[backend])),
            record,
        )


def option_place(key: str) -> Place:
    """Return the place of an option."""
    return Place(f"options.{key}", _("option {key}", key=key))


def number_of(profile: AccountingProfile, key: str) -> int | None:
    """Return the value of an option where it is an integer."""
    value = profile.option(key)
    return value if isinstance(value, int) else None


BACKENDS = Place("backends", _("backends"))
"""The place of the list of backends."""
