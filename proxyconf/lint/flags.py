"""Rules about message flags, which request accounting in every release before OpenSIPS 2.2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from proxyconf.lint.finding import Fix
from proxyconf.lint.fixes import change_do_accounting, numbered, set_account_flags, set_flag, with_flag
from proxyconf.lint.places import BACKEND_WORDS, used_backends
from proxyconf.lint.registry import Place, Problem, error, note, rule, script_rule, warning
from proxyconf.profile import FLAG_NUMBERS, AccountingProfile, MessageFlag, takes_flag_names
from proxyconf.script_facts import ScriptFacts
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Use(NamedTuple):
    """A use of a flag; ``purpose`` is account, missed, failed, prepare or cdr."""

    flag: MessageFlag
    purpose: str
    place: Place
    backend: Backend | None = None


def uses(profile: AccountingProfile) -> Iterator[_Use]:
    """Yield the flags of the profile that the release has."""
    if profile.uses_do_accounting:
        return
    used = {backend: profile.known_backends[backend] for backend in used_backends(profile)}
    for backend, names in used.items():
        if backend in profile.flags.account and names.flag:
            place = _place(f"account.{backend}", BACKEND_WORDS[backend])
            yield _Use(profile.flags.account[backend], "account", place, backend)
    for backend, names in used.items():
        if backend in profile.flags.missed and names.missed_flag:
            place = _place(f"missed.{backend}", _("missed calls in {backend}", backend=BACKEND_WORDS[backend]))
            yield _Use(profile.flags.missed[backend], "missed", place, backend)
    for purpose, option, words in (
        ("failed", "failed_transaction_flag", _("failed calls")),
        ("prepare", "acc_prepare_flag", _("accounting decided later")),
        ("cdr", "cdr_flag", _("dialog records")),
    ):
        flag = getattr(profile.flags, purpose)
        if flag is not None and option in profile.parameters:
            yield _Use(flag, purpose, _place(purpose, words))


def _place(path: str, words: str) -> Place:
    return Place(f"flags.{path}", _("flag for {words}", words=words))


@script_rule(
    "flag-range",
    _(
        "A message has flags 0 to 31. With another number the proxy does not start, or (in modules that do not check "
        "it) the flag differs from the one that the script sets, and nothing is accounted."
    ),
)
def flag_range(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    for use in uses(profile):
        if use.flag.number is not None and use.flag.number not in FLAG_NUMBERS:
            free = next(iter(profile.free_flags(facts.flags)), None)
            yield error(
                use.place,
                _("The flag {number} does not exist.", number=use.flag.number),
                _("Use a number from 0 to 31; {free} is free.", free=free)
                if free is not None
                else _("Use a number from 0 to 31."),
            ).fixed_by(set_flag(profile, facts, use.purpose, use.backend))


@script_rule("flag-form", _("Releases differ in whether flags are numbers or names."))
def flag_form(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    for use in uses(profile):
        if problem := _wrong_form(profile, use):
            yield problem.fixed_by(set_flag(profile, facts, use.purpose, use.backend))


def _wrong_form(profile: AccountingProfile, use: _Use) -> Problem | None:
    named = takes_flag_names(profile.product, profile.version)
    title = f"{profile.product.label} {profile.version}"
    number, name = use.flag
    if number is None and not name:
        return error(use.place, _("The flag has neither number nor name."), _("Set one, or remove the flag."))
    if name and not _NAME.fullmatch(name):
        needed = number is None
        return (error if needed else warning)(
            use.place,
            _("{name!r} is not a valid flag name.", name=name),
            _("Use letters, digits and underscores."),
            _("The proxy cannot read it and does not start.") if needed else _("The number is used without the name."),
        )
    if named and number is not None:
        return warning(
            use.place,
            _("The flag is the number {number}.", number=number),
            _("Give it a name instead, here and in setflag()."),
            _("{title} takes names; it reads a number too, with a warning at each start.", title=title),
        )
    if not named and number is None:
        return error(
            use.place,
            _("The flag has a name, {name}, and no number.", name=name),
            _("Give it a number from 0 to 31."),
            _("{title} takes numbers only.", title=title),
        )
    return None


_CLASHES = {
    (
        "account",
        "missed",
    ): _(
        "The missed flag is cleared after each missed call: with it the accounting flag goes, and the "
        "call is not accounted any more."
    ),
    (
        "account",
        "failed",
    ): _("Every accounted call is then accounted when it fails as well, and setting the one flag sets the other."),
    ("missed", "failed"): _(
        "The missed flag is cleared after each missed call: failed calls then stay out of accounting or not by chance."
    ),
    ("account", "prepare"): _("Every transaction that is only to be prepared is accounted."),
    ("missed", "prepare"): _("Every transaction that is only to be prepared is a missed call when it fails."),
    ("failed", "prepare"): _("Every transaction that is only to be prepared is accounted when it fails."),
    ("account", "cdr"): _("Every accounted call then gets a dialog record instead of START and STOP."),
    ("missed", "cdr"): _("The missed flag is cleared after each missed call: the dialog record goes with it."),
    ("failed", "cdr"): _("Setting the one flag sets the other."),
}


@script_rule("flag-clash", _("One flag then means two things."))
def flag_clash(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    first: dict[MessageFlag, list[_Use]] = {}
    for use in uses(profile):
        key = MessageFlag(use.flag.number) if use.flag.number is not None else MessageFlag(None, use.flag.name)
        for other in first.setdefault(key, []):
            why = _CLASHES.get((other.purpose, use.purpose))
            if why:
                grave = (other.purpose, use.purpose) == ("account", "missed")
                name = key.number if key.number is not None else key.name
                yield (error if grave else warning)(
                    use.place,
                    _("Flag {name} is the {place} already.", name=name, place=other.place.words),
                    _free(profile, facts),
                    why,
                ).fixed_by(set_flag(profile, facts, use.purpose, use.backend))
                break
        first[key].append(use)


@rule(
    "flag-name-clash",
    _("A name stands for one number in the script: what is defined last (or first) counts for both."),
)
def flag_name_clash(profile: AccountingProfile) -> Iterator[Problem]:
    numbers: dict[str, int] = {}
    for use in uses(profile):
        if use.flag.name and use.flag.number is not None:
            number = numbers.setdefault(use.flag.name, use.flag.number)
            if number != use.flag.number:
                yield warning(
                    use.place,
                    _("The name {name} stands for flag {number} already.", name=use.flag.name, number=number),
                    _("Give each flag its own name."),
                ).fixed_by(_rename_flag(profile, use))


def _rename_flag(profile: AccountingProfile, use: _Use) -> Fix:
    names = {one.flag.name for one in uses(profile)}
    flag = use.flag._replace(name=next(name for name in numbered(use.flag.name) if name not in names))
    return Fix(
        _("Use the name {name}", name=flag.name),
        lambda changed: with_flag(changed, flag, use.purpose, use.backend),
    )


@script_rule(
    "flag-unset-is-0",
    _(
        "In acc_radius, acc_diameter and acc_json a flag that is not set is flag 0: every request with flag 0 is "
        "accounted."
    ),
)
def flag_unset_is_0(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    if profile.product is not Product.KAMAILIO:
        return
    others = [use.place.words for use in uses(profile) if use.flag.number == 0]
    for backend in used_backends(profile):
        names = profile.known_backends[backend]
        if names.module == "acc":
            continue
        wanted = ((names.flag, profile.flags.account, "account"), (names.missed_flag, profile.flags.missed, "missed"))
        for parameter, flags, path in wanted:
            if backend not in flags:
                place = _place(f"{path}.{backend}", BACKEND_WORDS[backend])
                fix = set_flag(profile, facts, path, backend)
                if others:
                    what = _("{parameter} is not set, and flag 0 is the {place}.", parameter=parameter, place=others[0])
                    yield error(place, what, _free(profile, facts)).fixed_by(fix)
                else:
                    what = _("{parameter} is not set.", parameter=parameter)
                    yield warning(place, what, _free(profile, facts)).fixed_by(fix)


@script_rule(
    "flag-missing",
    _("Without the flag no transaction is accounted to the output; only explicit calls in the script are."),
)
def flag_missing(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    if profile.uses_do_accounting:
        return
    if has_dialog_records_alone(profile):
        yield note(
            Place("flags", _("flags")),
            _("Only dialog records are written; no events are accounted."),
            _("Set the flag of an output if you need START, STOP and failed calls."),
            _("Failed calls are not recorded unless cdr_on_failed is on, and ongoing calls are not visible."),
        )
        return
    for backend in used_backends(profile):
        names = profile.known_backends[backend]
        default = profile.parameters[names.flag_key].default if names.flag_key in profile.parameters else ""
        is_set = isinstance(default, int) and default >= 0  # OpenSER 1.1 has flags of its own
        if backend not in profile.flags.account and names.module == "acc" and not is_set:
            yield warning(
                _place(f"account.{backend}", BACKEND_WORDS[backend]),
                _("{parameter} is not set.", parameter=names.flag),
                _free(profile, facts),
            ).fixed_by(set_flag(profile, facts, "account", backend))


@script_rule(
    "failed-without-account",
    _("The flag for failed calls adds them to what is accounted; by itself it selects no output."),
)
def failed_without_account(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    all_uses = list(uses(profile))
    failed = [use for use in all_uses if use.purpose == "failed"]
    if failed and not any(use.purpose == "account" for use in all_uses):
        yield error(
            failed[0].place,
            _("failed_transaction_flag is set, and no output has a flag."),
            _("Set log_flag, db_flag or that of another output too, here and in the script."),
        ).fixed_by(set_account_flags(facts, used_backends(profile)))


@script_rule(
    "failed-missing",
    _(
        "A BYE that is answered 481 or 408 is a failed transaction: without this its STOP is never "
        "written, and the call seems to go on. Calls that fail leave no record in acc either."
    ),
)
def failed_missing(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    used = used_backends(profile)
    if profile.uses_do_accounting:
        # acc_logic.c: is_failed_acc_on() and is_cdr_acc_on() look at all backends together
        if used and facts.accounts_failed_bye and not profile.do_accounting.failed & set(used):
            yield note(
                Place("do_accounting.failed", _("failed calls")),
                _("Failed calls are not accounted."),
                _('Call do_accounting("…", "failed") for the INVITE too if they should be.'),
                _("The script requests it only for the BYE."),
            ).fixed_by(change_do_accounting(_("Account failed calls"), failed=frozenset(used)))
        elif used and not (profile.do_accounting.failed | profile.do_accounting.cdr) & set(used):
            yield warning(
                Place("do_accounting.failed", _("failed calls")),
                _("Failed calls are not accounted."),
                _('Call do_accounting("…", "failed"), for the BYE as well; the setting of one output applies to all.'),
            ).fixed_by(change_do_accounting(_("Account failed calls"), failed=frozenset(used)))
    elif has_dialog_records_alone(profile):
        return
    elif used and profile.flags.failed is None and "failed_transaction_flag" in profile.parameters:
        default = profile.parameters["failed_transaction_flag"].default
        if not (isinstance(default, int) and default >= 0):
            yield warning(
                _place("failed", _("failed calls")), _("failed_transaction_flag is not set."), _free(profile, facts)
            ).fixed_by(set_flag(profile, facts, "failed") if set(used) & profile.flags.account.keys() else None)


@script_rule(
    "missed-once",
    _(
        "A missed call is written once for each time that it is asked for: the next attempt of the same "
        "call is not seen unless the script asks again."
    ),
)
def missed_once(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    if facts.is_whole:
        if facts.has_failure_route:
            yield from _not_again(profile, facts)
        return
    if profile.uses_do_accounting:
        if profile.do_accounting.missed & set(used_backends(profile)):
            yield note(
                Place("do_accounting.missed", _("missed calls")),
                _("Missed calls must be requested before each attempt."),
                _('Call do_accounting("…", "missed") in the failure_route too, where the next attempt is made.'),
            )
        return
    for use in uses(profile):
        if use.purpose == "missed":
            yield note(
                use.place,
                _("The flag is cleared with each missed call."),
                _(
                    "Set it again in the failure_route where the next attempt is made; set without another attempt "
                    "it gives the same missed call twice."
                ),
            )
            return


def _not_again(profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Problem]:
    """Yield what the failure routes of a script leave out."""
    if profile.uses_do_accounting:
        if profile.do_accounting.missed & set(used_backends(profile)) and not facts.requests_missed_again:
            yield warning(
                Place("do_accounting.missed", _("missed calls")),
                _("The failure_route does not request missed calls again."),
                _('Call do_accounting("…", "missed") there, where the next attempt is made.'),
            )
        return
    for use in uses(profile):
        if use.purpose == "missed" and not {str(use.flag.number), use.flag.name or "0"} & facts.flags_set_again:
            flag = use.flag.name or str(use.flag.number)
            yield warning(
                use.place,
                _("The failure_route does not set flag {flag} again.", flag=flag),
                _("Write setflag({flag}); there, where the next attempt is made.", flag=flag),
            )


def has_dialog_records_alone(profile: AccountingProfile) -> bool:
    """Return whether Kamailio writes dialog CDRs and no flag requests events."""
    return profile.is_on("cdr_enable") and not profile.flags.account and not profile.flags.missed


def _free(profile: AccountingProfile, facts: ScriptFacts) -> str:
    if takes_flag_names(profile.product, profile.version):
        return _("Use a name of its own, here and in the script.")
    free = [number for number in profile.free_flags(facts.flags) if number != 0]
    return (
        _("Use a flag of its own, such as {number}, here and in the script.", number=free[0])
        if free
        else _("Use a flag of its own.")
    )


def uses_json_missed(profile: AccountingProfile) -> bool:
    """Return whether missed calls go to acc_json."""
    return Backend.JSON in used_backends(profile) and Backend.JSON in profile.flags.missed
