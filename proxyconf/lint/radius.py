"""Rules about RADIUS: names, numbers, types and lengths for the client library and the server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from proxyconf.lint.finding import Fix
from proxyconf.lint.fixes import change_field, rename, set_option, set_variable, without_backend
from proxyconf.lint.kinds import expression_of, is_body, may_be_long
from proxyconf.lint.places import BACKENDS, Label, labels, number_of, option_place, used_backends
from proxyconf.lint.registry import Problem, error, note, rule, warning
from proxyconf.lint.sql import shortened
from proxyconf.profile import AccountingProfile, LegDefinition, RadiusType
from proxyconf.render.radius_attributes import (
    LOCAL_NUMBERS,
    STANDARD,
    RadiusWire,
    agreed_number,
    attributes_of,
    sends_integers,
    wire_of,
)
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.variables import IntegerForm, integer_form

LONGEST_TEXT = 253  # RFC 2865 section 5
LONGEST_NAME = 32  # NAME_LENGTH of the client libraries
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]*")
_ASSIGNED = range(101, 123)


def radius_labels(profile: AccountingProfile) -> Iterator[Label]:
    """Yield the labels of RADIUS attributes."""
    for label in labels(profile):
        if label.backend is Backend.RADIUS and label.record == str(label.backend):
            yield label


def sends_radius(profile: AccountingProfile) -> bool:
    """Return whether events go to RADIUS."""
    return Backend.RADIUS in used_backends(profile)


@rule("radius-config-missing", _("Without the client's configuration no request is sent, and no error is reported."))
def radius_config_missing(profile: AccountingProfile) -> Iterator[Problem]:
    if not sends_radius(profile):
        return
    if "aaa_url" in profile.parameters:
        yield from _aaa_url(profile, Backend.RADIUS, "radius")
    elif not profile.is_on("radius_config") and not _has_own_default(profile):
        yield warning(
            option_place("radius_config"),
            _("radius_config is not set."),
            _("Set it to the path of the generated radiusclient.conf."),
        )


@rule("aaa-url-diameter", _("Without the protocol's address no request is sent, and no error is reported."))
def aaa_url_diameter(profile: AccountingProfile) -> Iterator[Problem]:
    if Backend.DIAMETER in used_backends(profile) and profile.uses_do_accounting:
        if sends_radius(profile):
            yield error(
                option_place("aaa_url"),
                _("RADIUS and Diameter are both in use, and aaa_url names one of them."),
                _("Choose one of the two."),
                _('do_accounting("aaa") goes where aaa_url says.'),
            ).fixed_by(without_backend(profile, Backend.DIAMETER), without_backend(profile, Backend.RADIUS))
        else:
            yield from _aaa_url(profile, Backend.DIAMETER, "diameter")


def _aaa_url(profile: AccountingProfile, backend: Backend, scheme: str) -> Iterator[Problem]:
    url = str(profile.option("aaa_url") or "")
    remedy = _('Set it: modparam("acc", "aaa_url", "{scheme}:/path/to/its/configuration").', scheme=scheme)
    if not url:
        declared = profile.extra_labels(backend) + profile.leg_labels(backend)
        if profile.uses_field_declarations and declared:
            why = _("The proxy does not start with fields for a protocol that has no address.")
            yield error(option_place("aaa_url"), _("aaa_url is not set, but there are fields for it."), remedy, why)
        else:
            yield warning(option_place("aaa_url"), _("aaa_url is not set."), remedy)
    elif not url.startswith(f"{scheme}:"):
        yield error(
            option_place("aaa_url"),
            _("The address {url!r} does not begin with {scheme}:.", url=url, scheme=scheme),
            remedy,
            _("The part before the colon names the module of the protocol."),
        )


def _has_own_default(profile: AccountingProfile) -> bool:
    """OpenSER 1.x falls back to the client library's own path."""
    return profile.product is Product.OPENSER or (profile.product is Product.KAMAILIO and profile.version < (3, 0))


@rule("radius-name", _("Servers refuse a dictionary with such a name, and the proxy's client library may do so, too."))
def radius_name(profile: AccountingProfile) -> Iterator[Problem]:
    for label in radius_labels(profile):
        if len(label.text) > LONGEST_NAME:
            yield error(
                label.place,
                _("The name {label!r} has {count} characters.", label=label.text, count=len(label.text)),
                _("Use {most} at most.", most=LONGEST_NAME),
                _("Seen live: radcli refuses the whole dictionary, and the proxy does not start."),
            ).fixed_by(rename(profile, label))
        elif not _NAME.fullmatch(label.text):
            yield error(
                label.place,
                _("{label!r} is not a valid attribute name.", label=label.text),
                _("Use letters, digits and hyphens: UA-Attr."),
            ).fixed_by(rename(profile, label))


@rule("radius-leg-integer", _("A leg without the value then reads memory that is not there: the worker crashes."))
def radius_leg_integer(profile: AccountingProfile) -> Iterator[Problem]:
    for label in radius_labels(profile):
        if isinstance(label.field.definition, LegDefinition) and _wire(profile, label) is not RadiusWire.STRING:
            yield error(
                label.field.place("radius_type", _("type of the attribute")),
                _("The leg attribute {label} is not a string.", label=label.text),
                _("Make it a string, with a name that is not a standard attribute of another type."),
            ).fixed_by(_change_type(profile, label, RadiusType.STRING))


@rule("radius-type", _("The client sends the bytes that the type asks for, whatever the value is."))
def radius_type(profile: AccountingProfile) -> Iterator[Problem]:
    for label in radius_labels(profile):
        expression = expression_of(label.field.definition.variable)
        if isinstance(label.field.definition, LegDefinition) or expression is None:
            continue
        form = integer_form(expression) if sends_integers(profile) else IntegerForm.NEVER
        wire, place = _wire(profile, label), label.field.place("radius_type", _("type of the attribute"))
        if form is IntegerForm.ALWAYS and wire is RadiusWire.STRING:
            yield error(
                place,
                _(
                    "{label} is a string, and {variable} is sent as a number.",
                    label=label.text,
                    variable=expression.text,
                ),
                _(
                    "Make it an integer, or text of the value: {variable} copied into an AVP as a string.",
                    variable=expression.text,
                ),
                _("The server receives 4 bytes that are not text."),
            ).fixed_by(_change_type(profile, label, RadiusType.INTEGER))
        elif form is IntegerForm.NEVER and wire is not RadiusWire.STRING:
            yield error(
                place,
                _(
                    "{label} is {type}, and {variable} is sent as text.",
                    label=label.text,
                    type=_A[wire],
                    variable=expression.text,
                ),
                _("Make it a string."),
                _("The first 4 characters of the text arrive as a number."),
            ).fixed_by(_change_type(profile, label, RadiusType.STRING))
        elif form is IntegerForm.SOMETIMES:
            as_text = wire is RadiusWire.STRING
            yield note(
                place,
                _(
                    "{variable} may hold a text or a number; {label} is {type}.",
                    variable=expression.text,
                    label=label.text,
                    type=_A[wire],
                ),
                _("Make sure that the script always assigns text to it.")
                if as_text
                else _("Make sure that the script always assigns a number to it."),
                _("Other values arrive garbled."),
            )


def _change_type(profile: AccountingProfile, label: Label, radius_type: RadiusType) -> Fix | None:
    """Return the fix that sends the attribute as another type; a standard one under a name of its own."""
    if label.text.lower() in STANDARD:
        return rename(profile, label, f"x_{label.text}")
    return change_field(label.field, _("Make it {type}", type=_A[RadiusWire(radius_type)]), radius_type=radius_type)


_A: Mapping[RadiusWire, str] = {
    RadiusWire.STRING: _("a string"),
    RadiusWire.INTEGER: _("an integer"),
    RadiusWire.ADDRESS: _("an address"),
    RadiusWire.DATE: _("a date"),
}


@rule("radius-number", _("Client and server must agree on what a number means."))
def radius_number(profile: AccountingProfile) -> Iterator[Problem]:
    assigned: dict[int, str] = {one.number: one.name for one in attributes_of(profile).acc if one.number}
    seen: set[str] = set()
    for label in radius_labels(profile):
        number = label.field.definition.radius_number
        if number is None or label.text.lower() in seen:
            continue
        seen.add(label.text.lower())
        place = label.field.place("radius_number", _("number of the attribute"))
        leave_number = change_field(label.field, _("Number automatically"), radius_number=None)
        agreed = agreed_number(profile.product, label.text)
        if agreed is not None:
            if agreed != number:
                yield warning(
                    place,
                    _(
                        "The well-known number of {label} is {agreed}, not {number}.",
                        label=label.text,
                        agreed=agreed,
                        number=number,
                    ),
                    _("Use {agreed}, or another name.", agreed=agreed),
                ).fixed_by(leave_number)
            continue
        if problem := _wrong_number(profile, number, assigned):
            yield problem._replace(place=place).fixed_by(leave_number)
        assigned.setdefault(number, label.text)


def _wrong_number(profile: AccountingProfile, number: int, assigned: Mapping[int, str]) -> Problem | None:
    free = _(
        "Use a number from 224 to 240 or 192 to 223, such as {number}, or leave it to the generator.",
        number=_free(profile),
    )
    standard = {one.number: one.name for one in STANDARD.values()}
    if not 0 < number < 256:
        why = _(
            "The type of an attribute is one byte. Attributes of a vendor do not work: the module drops the vendor."
        )
        return error(BACKENDS, _("{number} is not a valid attribute number.", number=number), free, why)
    if number in assigned:
        return error(
            BACKENDS,
            _("{number} is already the number of {name}.", number=number, name=assigned[number]),
            free,
            _("Servers confuse the two attributes."),
        )
    if number == 26 or number > 240:
        why = _(
            "26 and 241 to 255 are formats of their own (RFC 2865, 6929): a server reads the value as something else."
        )
        return error(BACKENDS, _("{number} cannot hold a plain value.", number=number), free, why)
    if number in standard:
        return error(
            BACKENDS,
            _("{number} is the number of {name}.", number=number, name=standard[number]),
            free,
            _("Servers confuse the two attributes."),
        )
    if number in _ASSIGNED:
        why = _("101 to 122 have become Error-Cause, EAP-Key-Name and Digest-* (RFC 5176, 4072, 5090).")
        return warning(BACKENDS, _("{number} belongs to another attribute by now.", number=number), free, why)
    if number not in LOCAL_NUMBERS:
        why = _("It is or may become the number of another attribute; 192 to 240 are for local use.")
        return warning(BACKENDS, _("{number} is not free for local use.", number=number), free, why)
    return None


def _free(profile: AccountingProfile) -> int:
    attributes = attributes_of(profile)
    used = {one.number for one in (*attributes.standard, *attributes.acc, *attributes.fields)}
    return next((number for number in LOCAL_NUMBERS if number not in used), LOCAL_NUMBERS[0])


@rule("radius-no-number", _("An attribute without a number is not in the dictionary, and the proxy does not start."))
def radius_no_number(profile: AccountingProfile) -> Iterator[Problem]:
    if sends_radius(profile):
        without = {one.name.lower() for one in attributes_of(profile).fields if one.number is None}
        for label in radius_labels(profile):
            if label.text.lower() in without:
                without.discard(label.text.lower())
                yield error(
                    label.place,
                    _("No free number is left for {label}.", label=label.text),
                    _("Send fewer fields, or give it a number that your server does not use."),
                )


@rule("radius-shared-numbers", _("The numbers by which SIP proxies are accounted were never assigned to them."))
def radius_shared_numbers(profile: AccountingProfile) -> Iterator[Problem]:
    if not sends_radius(profile):
        return
    ours = profile.product is Product.OPENSIPS
    numbers = _("204 to 207 and 227 to 230") if ours else _("101 to 105")
    others = _("Digest-Attributes, Ascend's Route-IP and others") if ours else _("Error-Cause, Digest-Realm and others")
    yield note(
        BACKENDS,
        _("The server must know the numbers {numbers} as Sip-….", numbers=numbers),
        _("Load the generated dictionary there: without it FreeRADIUS shows {others}.", others=others),
    )


@rule(
    "radius-long-text",
    _(
        "An attribute takes 253 bytes of text. With a longer value the client library refuses the "
        "attribute, and the whole request is not sent: the event is lost."
    ),
)
def radius_long_text(profile: AccountingProfile) -> Iterator[Problem]:
    for label in radius_labels(profile):
        expression = expression_of(label.field.definition.variable)
        if expression is None or isinstance(label.field.definition, LegDefinition):
            continue
        cut = shortened(expression.text, LONGEST_TEXT)
        remedy, fix = _("Cut it: {cut}.", cut=cut), set_variable(label.field, cut)
        if is_body(expression):
            what = _("{variable} is usually longer.", variable=expression.text)
            yield error(label.field.variable_place, what, remedy).fixed_by(fix)
        elif may_be_long(expression):
            what = _("The length of {variable} is not limited.", variable=expression.text)
            yield warning(label.field.variable_place, what, remedy).fixed_by(fix)


@rule(
    "radius-time-text",
    _(
        "Then the attribute is text with microseconds, in client and server: the generated dictionaries "
        "say so, but FreeRADIUS' own calls it a date and cannot decode it."
    ),
)
def radius_time_text(profile: AccountingProfile) -> Iterator[Problem]:
    if sends_radius(profile) and number_of(profile, "rad_time_mode") == 1:
        yield warning(
            option_place("rad_time_mode"),
            _("Event-Timestamp is sent as text."),
            _("Load the generated dictionary on the server after its own, or set rad_time_mode to 0."),
        ).fixed_by(set_option("rad_time_mode", 0))


@rule(
    "opensips-cdr-code",
    _(
        "Seen live on OpenSIPS 3.6: Sip-Response-Code of the record is that of the event which the "
        "process accounted before, 486 or 408 for a call that was answered. The log, SQL and events have "
        "the right code."
    ),
)
def opensips_cdr_code(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.uses_do_accounting and sends_radius(profile) and Backend.RADIUS in profile.do_accounting.cdr:
        yield warning(
            BACKENDS,
            _("Call records in RADIUS have a wrong response code."),
            _(
                "Take a Stop with Sip-Method INVITE for an answered call whatever its code, as accweb does, or "
                "account calls with START and STOP there."
            ),
        )


def _wire(profile: AccountingProfile, label: Label) -> RadiusWire:
    standard = STANDARD.get(label.text.lower())
    return standard.wire if standard else wire_of(profile, label.field.definition)
