"""Records of whole dialogs, which the proxies write at the end of a call."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.lint.fixes import add_field, change_field, remove_fields, set_option, set_options, use_default
from proxyconf.lint.kinds import expression_of
from proxyconf.lint.places import fields, number_of, option_place, takes, used_backends
from proxyconf.lint.registry import Place, Problem, error, note, rule, script_rule, warning
from proxyconf.profile import AccountingProfile, ExtraDefinition
from proxyconf.script_facts import ScriptFacts
from proxyconf.vocabulary.layout import Backend, Role, suggest_role
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product

_DO_CDR = Place("do_accounting.cdr", _("call records"))
_CDR_FLAG = Place("flags.cdr", _("flag for dialog records"))
_CALL_ID = ExtraDefinition(
    "call_id", "$dlg_var(call_id)", {Backend.SYSLOG: "callid", Backend.SQL: "callid"}, Role.CALL_ID
)


@rule(
    "cdr-call-id",
    _(
        "Such a record has neither Call-ID nor tags of its own: without the Call-ID nothing ties it to "
        "the call's events, and it counts as another call."
    ),
)
def cdr_call_id(profile: AccountingProfile) -> Iterator[Problem]:
    if "cdr_extra" not in profile.parameters or not profile.is_on("cdr_enable"):
        return
    if not any(_role(one) is Role.CALL_ID for _label, one in profile.cdr_labels(Backend.SYSLOG)):
        yield warning(
            Place("cdr_extras", _("fields of dialog records")),
            _("The records do not contain the Call-ID."),
            _(
                "Keep it in the dialog when the call starts, $dlg_var(call_id) = $ci;, and add a field "
                "callid=$dlg_var(call_id)."
            ),
        ).fixed_by(add_field("cdr_extras", _CALL_ID))


def _role(one: ExtraDefinition) -> Role | None:
    if one.role is not None:
        return one.role
    expression = expression_of(one.variable)
    text = expression.text if expression else ""
    return next((role for label in one.labels.values() if (role := suggest_role(label, text))), None)


@rule("cdr-label-shared", _("cdr_extra is one list for the log and for SQL."))
def cdr_label_shared(profile: AccountingProfile) -> Iterator[Problem]:
    if "cdr_extra" not in profile.parameters:
        return
    for field in fields(profile):
        in_log, in_sql = (field.definition.labels.get(one, "") for one in (Backend.SYSLOG, Backend.SQL))
        if field.kind == "cdr_extras" and in_log and in_sql and in_log != in_sql:
            yield warning(
                field.place("labels.sql", _("label for SQL")),
                _(
                    "The label for SQL is {sql!r}, but the label for the log, {log!r}, is used for both.",
                    sql=in_sql,
                    log=in_log,
                ),
                _("Use one label for both."),
            ).fixed_by(
                change_field(
                    field, _("Use {label}", label=in_log), labels={**field.definition.labels, Backend.SQL: in_log}
                )
            )


@rule("cdr-fields-unused", _("The fields belong to records that are not enabled."))
def cdr_fields_unused(profile: AccountingProfile) -> Iterator[Problem]:
    kinds = [kind for kind in ("cdr_extras", "cdr_legs") if takes(profile, kind) and getattr(profile, kind)]
    if kinds and not profile.uses_dialog:
        remedy = (
            _("Set cdr_enable to 1, or remove the fields.")
            if profile.product is Product.KAMAILIO
            else _("Ask for dialog records (cdr), or remove the fields.")
        )
        place = Place(kinds[0], _("fields of dialog records"))
        turned_on = set_option("cdr_enable", 1) if "cdr_enable" in profile.parameters else None
        yield warning(place, _("Dialog records are not enabled."), remedy).fixed_by(turned_on, remove_fields(kinds[0]))


@rule("cdr-nowhere", _("The records are created, but not written anywhere."))
def cdr_nowhere(profile: AccountingProfile) -> Iterator[Problem]:
    if not profile.is_on("cdr_enable") or "cdr_log_enable" not in profile.parameters:
        return
    to_json = Backend.JSON in used_backends(profile) and profile.is_on("acc_json.cdr_enable")
    if not profile.is_on("cdr_log_enable") and not profile.is_on("cdrs_table") and not to_json:
        yield warning(
            option_place("cdr_log_enable"),
            _("They are written neither to the log nor to a table."),
            _("Set cdrs_table to acc_cdrs."),
        ).fixed_by(set_option("cdrs_table", "acc_cdrs"))


@rule("cdr-json-needs-acc", _("acc_json only writes the dialog records that acc makes."))
def cdr_json_needs_acc(profile: AccountingProfile) -> Iterator[Problem]:
    asked = Backend.JSON in used_backends(profile) and profile.is_on("acc_json.cdr_enable")
    if asked and not profile.is_on("cdr_enable"):
        yield warning(
            option_place("acc_json.cdr_enable"),
            _("cdr_enable of acc_json is on and that of acc is off."),
            _("Set both to 1."),
        ).fixed_by(set_options({"cdr_enable": 1, "acc_json.cdr_enable": 1}))


@rule("cdr-names", _("The names of start, end and duration are labels, columns and dialog variables."))
def cdr_names(profile: AccountingProfile) -> Iterator[Problem]:
    if not profile.is_on("cdr_enable") or "cdr_start_id" not in profile.parameters:
        return
    seen: dict[str, str] = {}
    for key in ("cdr_start_id", "cdr_end_id", "cdr_duration_id"):
        name = str(profile.option(key))
        if not name:
            yield error(
                option_place(key), _("{key} is empty.", key=key), _("Give it a name."), _("The proxy does not start.")
            ).fixed_by(use_default("cdr_start_id", "cdr_end_id", "cdr_duration_id"))
        elif name in seen:
            why = _("One value overwrites the other.")
            yield error(
                option_place(key),
                _("{key} and {other} are both {name!r}.", key=key, other=seen[name], name=name),
                _("Give each its own name."),
                why,
            ).fixed_by(use_default("cdr_start_id", "cdr_end_id", "cdr_duration_id"))
        seen.setdefault(name, key)


@rule("cdr-start", _("The duration then includes the ringing time, and calls that were not answered have one too."))
def cdr_start(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.is_on("cdr_enable") and number_of(profile, "cdr_start_on_confirmed") == 0:
        yield warning(
            option_place("cdr_start_on_confirmed"),
            _("Dialog records begin with the INVITE."),
            _("Set cdr_start_on_confirmed to 1, so that they begin with the answer."),
        ).fixed_by(set_option("cdr_start_on_confirmed", 1))


@rule("cdr-expired", _("A dialog without BYE ends when its timeout expires."))
def cdr_expired(profile: AccountingProfile) -> Iterator[Problem]:
    if not profile.is_on("cdr_enable") or "cdr_expired_dlg_enable" not in profile.parameters:
        return
    place = option_place("cdr_expired_dlg_enable")
    if not profile.is_on("cdr_expired_dlg_enable"):
        yield warning(
            place,
            _("A call whose BYE is lost gets no dialog record."),
            _("Set cdr_expired_dlg_enable to 1; the call then ends when the dialog expires."),
        ).fixed_by(set_option("cdr_expired_dlg_enable", 1))
        return
    for field in fields(profile):
        expression = expression_of(field.definition.variable)
        if field.kind == "cdr_extras" and expression is not None and expression.name != "dlg_var":
            yield note(
                field.variable_place,
                _("{variable} is empty in the record of a dialog that expires.", variable=expression.text),
                _("Keep the value in $dlg_var(…) and log that."),
                _("There is no message then: only variables of the dialog have a value."),
            )


@script_rule("cdr-tracked", _("Only dialogs that the proxy tracks are recorded."))
def cdr_tracked(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    if profile.is_on("cdr_enable") and not facts.tracks_dialogs:
        yield note(
            option_place("cdr_enable"),
            _("The dialog module must track the calls."),
            _("Load it and call dlg_manage() for each initial INVITE, before t_relay()."),
        )


@rule("cdr-duration-mode", _("A record with microseconds needs table acc_cdrs in version 3."))
def cdr_duration_mode(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.is_on("cdrs_table") and profile.is_on("cdr_enable") and number_of(profile, "cdr_duration_mode") == 2:
        yield note(
            option_place("cdr_duration_mode"),
            _("The column duration must take six decimals."),
            _("A table that was made by an older release must be changed to FLOAT(13,6), and its version to 3."),
        )


def _opensips_cdr(profile: AccountingProfile) -> Place | None:
    """Return where OpenSIPS is asked for call records; None if it is not."""
    if profile.product is not Product.OPENSIPS or not profile.uses_dialog:
        return None
    return _DO_CDR if profile.uses_do_accounting else _CDR_FLAG


@script_rule(
    "opensips-cdr-expired",
    _(
        "Seen live on OpenSIPS 3.6 (the code is the same from 3.0 to the newest): a dialog that merely "
        "expires gets no record at all. With B the proxy ends it with a BYE of its own, and the record "
        "is written."
    ),
)
def opensips_cdr_expired(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    place = _opensips_cdr(profile)
    if place is None:
        return
    has_timeout = profile.sets_other("dialog", "default_timeout")
    set_timeout = _('Set modparam("dialog", "default_timeout", …) to the longest call in seconds.')
    if facts.ends_dialogs:
        if not has_timeout:
            yield note(place, _("A call whose BYE is lost leaves a record that ends hours later."), set_timeout)
    elif has_timeout:
        yield note(
            place,
            _("A call whose BYE is lost leaves no record unless the proxy ends the dialog with a BYE."),
            _('Call create_dialog("B") for each initial INVITE.'),
        )
    else:
        yield warning(
            place,
            _("A call whose BYE is lost leaves no record, or a record that ends hours later."),
            _(
                'Call create_dialog("B") for each initial INVITE, and set modparam("dialog", "default_timeout", '
                "…) to the longest call in seconds."
            ),
        )


@rule("opensips-cdr-start", _("A call record is written when the call ends, and START and STOP are not."))
def opensips_cdr_start(profile: AccountingProfile) -> Iterator[Problem]:
    place = _opensips_cdr(profile)
    if place is not None:
        # acc_logic.c: is_cdr_acc_on() looks at all backends together
        yield note(
            place,
            _("Ongoing calls are not visible, and are lost if the proxy crashes."),
            _("Do not request call records if you need START and STOP: the setting of one output applies to all."),
        )
