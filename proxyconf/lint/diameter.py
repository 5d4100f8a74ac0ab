"""The private Diameter dialect of acc_diameter (of acc itself in OpenSER, OpenSIPS to 2.2 and Kamailio to 5.0)."""

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
    """Return whether events go out in the private dialect (OpenSIPS 3.2 and later speak RFC 6733 instead)."""
    return Backend.DIAMETER in used_backends(profile) and not profile.uses_do_accounting


def _labels(profile: AccountingProfile) -> Iterator[Label]:
    if speaks_private_diameter(profile):
        yield from (label for label in labels(profile) if label.backend is Backend.DIAMETER)


@rule("diameter-code", _("Names are decimal AVP codes here; the proxy does not start with another."))
def diameter_code(profile: AccountingProfile) -> Iterator[Problem]:
    for label in _labels(profile):
        if not (_CODE.fullmatch(label.text) and int(label.text) <= _LARGEST_CODE):
            yield error(
                label.at,
                _("{label!r} is no AVP code.", label=label.text),
                _("Use a number that nobody else uses, above 1000."),
            ).fixed_by(rename(profile, label))


@rule(
    "diameter-empty",
    _(
        "Seen live: an empty value aborts the whole message. Where the BYE is without it every STOP is "
        "lost, and all calls seem to go on."
    ),
)
def diameter_empty(profile: AccountingProfile) -> Iterator[Problem]:
    for label in _labels(profile):
        expression = expression_of(label.field.one.variable)
        if expression is None:
            continue
        if isinstance(label.field.one, LegDefinition):
            yield error(
                label.at,
                _("The BYE has no {variable} unless the script sets it there.", variable=expression.text),
                _("Do without legs in Diameter, or give the AVP a value for every request."),
            ).fixed_by(remove_fields(label.field.kind))
        elif may_be_empty(expression):
            yield error(
                label.field.variable,
                _("{variable} may be empty in the BYE.", variable=expression.text),
                _(
                    "Log a variable that always has a value ($fu, $tu, $si, $ci), or an AVP that the script sets for "
                    "every request, or leave it out."
                )
                if expression.name != "avp"
                else _("See that the script sets the AVP for every request, the BYE among them; else leave it out."),
            ).fixed_by(remove_labels(label.field.kind, Backend.DIAMETER, label.field.index))


@rule("diameter-failed", _("Its record types are start, stop and event: what fits none of them is not sent."))
def diameter_failed(profile: AccountingProfile) -> Iterator[Problem]:
    if not speaks_private_diameter(profile):
        return
    if profile.flags.failed is not None or Backend.DIAMETER in profile.flags.missed:
        yield warning(
            BACKENDS,
            _("Failed and missed calls are never sent to Diameter."),
            _("Take them from another output, such as SQL."),
        )


@rule("diameter-cancel", _("A CANCEL has no To tag, and an empty value aborts the message."))
def diameter_cancel(profile: AccountingProfile) -> Iterator[Problem]:
    if speaks_private_diameter(profile) and profile.is_on("report_cancels"):
        yield note(
            BACKENDS, _("CANCELs are never sent to Diameter."), _("Take them from another output, such as the log.")
        )


@rule(
    "diameter-peer",
    _(
        "It is no protocol of a standard: no capabilities exchange, no Session-Id, AVP codes of its own, "
        "one TCP connection for each worker, and the proxy does not start while nobody listens."
    ),
)
def diameter_peer(profile: AccountingProfile) -> Iterator[Problem]:
    if speaks_private_diameter(profile):
        yield note(
            BACKENDS,
            _("No Diameter server understands these messages."),
            _("Let accweb receive them (diameter_client_host and diameter_client_port), before the proxy starts."),
        )
