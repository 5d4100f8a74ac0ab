"""The fields and labels of a profile with their places, for the rules."""

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
    """A field of the profile; ``kind`` is the name of its list."""

    kind: str
    index: int
    definition: ExtraDefinition | LegDefinition

    def place(self, part: str = "", words: str = "") -> Place:
        """Return the place of the field, or of a part of it."""
        description = _("{field} {number}", field=_KINDS[self.kind], number=self.index + 1)
        if self.definition.name:
            description = _("{field} “{name}”", field=description, name=self.definition.name)
        if words:
            description = _("{field}, {part}", field=description, part=words)
        path = f"{self.kind}[{self.index}]"
        return Place(f"{path}.{part}" if part else path, description)

    @property
    def variable_place(self) -> Place:
        return self.place("variable", _("variable"))


class Label(NamedTuple):
    """A label for a backend. Labels with the same ``record`` are written to the same record."""

    text: str
    backend: Backend
    field: Field
    place: Place
    record: str


def used_backends(profile: AccountingProfile) -> tuple[Backend, ...]:
    """Return the backends in use that the release has."""
    return tuple(backend for backend in profile.backends if backend in profile.known_backends)


def fields(profile: AccountingProfile) -> Iterator[Field]:
    """Yield the fields that the proxy uses: of the kinds that its release has.

    Kamailio uses the fields of dialog CDRs only if these are enabled.
    """
    for kind in ("extras", "legs", "cdr_extras", "cdr_legs"):
        is_ignored = kind == "cdr_extras" and profile.product is Product.KAMAILIO and not profile.uses_dialog
        if takes(profile, kind) and not is_ignored:
            definitions = getattr(profile, kind)
            yield from (Field(kind, index, definition) for index, definition in enumerate(definitions))


def takes(profile: AccountingProfile, kind: str) -> bool:
    match kind:
        case "extras":
            return True
        case "legs":
            return profile.has_legs
        case "cdr_legs":
            return "multi_leg_bye_info" in profile.parameters
    return any(name in profile.parameters for name in ("cdr_extra", "log_extra_bye", "acc_json.cdr_extra"))


def labels(profile: AccountingProfile, *kinds: str) -> Iterator[Label]:
    """Yield the labels of the backends in use, of fields of these kinds, by default of all."""
    for field in fields(profile):
        if not kinds or field.kind in kinds:
            for backend in used_backends(profile):
                yield from _label(profile, field, backend)


def _label(profile: AccountingProfile, field: Field, backend: Backend) -> Iterator[Label]:
    kamailio_cdr = field.kind == "cdr_extras" and profile.product is Product.KAMAILIO
    record = f"{backend} dialog record" if kamailio_cdr else str(backend)
    if isinstance(field.definition, LegDefinition) and not profile.uses_field_declarations:
        yield Label(field.definition.name, backend, field, field.place("name", _("name")), record)
        return
    text, key = field.definition.labels.get(backend, ""), backend
    if kamailio_cdr and backend in (Backend.SYSLOG, Backend.SQL):  # one list for both; the log's label counts
        key = Backend.SYSLOG if field.definition.labels.get(Backend.SYSLOG) else Backend.SQL
        text = field.definition.labels.get(key, "")
    if text:
        yield Label(
            text,
            backend,
            field,
            field.place(f"labels.{key}", _("label for {backend}", backend=BACKEND_WORDS[backend])),
            record,
        )


def option_place(key: str) -> Place:
    return Place(f"options.{key}", _("option {key}", key=key))


def number_of(profile: AccountingProfile, key: str) -> int | None:
    """Return the value of an option if it is an integer."""
    value = profile.option(key)
    return value if isinstance(value, int) else None


BACKENDS = Place("backends", _("backends"))
"""The place of the list of backends."""
