"""Rules about the private Diameter dialect of acc_diameter (of acc in OpenSER, OpenSIPS to 2.2, Kamailio to 5.0)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxyconf.lint.fixes import remove_fields, remove_labels, rename
from proxyconf.lint.kinds import expression_of, may_be_empty
from proxyconf.lint.places import BACKENDS, Label, labels, used_backends
from proxyconf.lint.registry import Problem, error, note, rule, warning
from proxyconf.profile import AccountingProfile, LegDefinition
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _

_CODE = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_LARGEST_CODE = 2**32 - 1


def speaks_private_diameter(profile: AccountingProfile) -> bool:
    """Return whether events are sent in the private dialect (OpenSIPS 3.2 and later use RFC 6733 instead)."""
    return Backend.DIAMETER in used_backends(profile) and not profile.uses_do_accounting


def _labels(profile: AccountingProfile) -> Iterator[Label]:
    if speaks_private_diameter(profile):
        yield from (label for label in labels(profile) if label.backend is Backend.DIAMETER)


@rule("diameter-code", _("Names are decimal AVP codes here; the proxy does not start with another."))
def diameter_code(profile: AccountingProfile) -> Iterator[Problem]:
    for label in _labels(profile):
        if not (_CODE.fullmatch(label.text) and int(label.text) <= _LARGEST_CODE):
            yield error(
                label.place,
                _("{label!r} is not a valid AVP code.", label=label.text),
                _("Use a number above 1000 that is not assigned to another AVP."),
            ).fixed_by(rename(profile, label))


@rule(
    "diameter-empty",
    _(
        "Seen live: an empty value aborts the whole message. If the BYE lacks the value every STOP is lost, and all "
        "calls seem to continue."
    ),
)
def diameter_empty(profile: AccountingProfile) -> Iterator[Problem]:
    for label in _labels(profile):
        expression = expression_of(label.field.definition.variable)
        if expression is None:
            continue
        if isinstance(label.field.definition, LegDefinition):
            yield error(
                label.place,
                _("The BYE has no {variable} unless the script sets it there.", variable=expression.text),
                _("Remove the legs from Diameter, or set the AVP for every request."),
            ).fixed_by(remove_fields(label.field.kind))
        elif may_be_empty(expression):
            yield error(
                label.field.variable_place,
                _("{variable} may be empty in the BYE.", variable=expression.text),
                _(
                    "Log a variable that always has a value ($fu, $tu, $si, $ci), or an AVP that the script sets for "
                    "every request, or leave it out."
                )
                if expression.name != "avp"
                else _("Make sure that the script sets the AVP for every request, including the BYE, or remove it."),
            ).fixed_by(remove_labels(label.field.kind, Backend.DIAMETER, label.field.index))


@rule("diameter-failed", _("Its record types are start, stop and event; other events are not sent."))
def diameter_failed(profile: AccountingProfile) -> Iterator[Problem]:
    if not speaks_private_diameter(profile):
        return
    if profile.flags.failed is not None or Backend.DIAMETER in profile.flags.missed:
        yield warning(
            BACKENDS,
            _("Failed and missed calls are never sent to Diameter."),
            _("Use another output for them, such as SQL."),
        )


@rule("diameter-cancel", _("A CANCEL has no To tag, and an empty value aborts the message."))
def diameter_cancel(profile: AccountingProfile) -> Iterator[Problem]:
    if speaks_private_diameter(profile) and profile.is_on("report_cancels"):
        yield note(
            BACKENDS, _("CANCELs are never sent to Diameter."), _("Use another output for them, such as the log.")
        )


@rule(
    "diameter-peer",
    _(
        "It is not standard Diameter: no capabilities exchange, no Session-Id, private AVP codes, one TCP connection "
        "per worker, and the proxy does not start unless the server is listening."
    ),
)
def diameter_peer(profile: AccountingProfile) -> Iterator[Problem]:
    if speaks_private_diameter(profile):
        yield note(
            BACKENDS,
            _("Standard Diameter servers do not support these messages."),
            _("Let accweb receive them (diameter_client_host and diameter_client_port), before the proxy starts."),
        )
