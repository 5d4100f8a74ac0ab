"""The fixes of what is missing in a simulated call, by the setting that causes it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxyconf.lint.finding import Fix
from proxyconf.lint.fixes import add_field, change_do_accounting, set_flag, set_option, use_default
from proxyconf.profile import AccountingProfile, ExtraDefinition
from proxyconf.script_facts import ScriptFacts
from proxyconf.simulate.findings import SimulationFinding
from proxyconf.vocabulary.layout import suggest_role
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.suggestions import suggested_label, suggested_name

_JOINED = re.compile(r", | or ")
_TURNED_OFF = frozenset({"early_media", "detect_direction"})
_PARTIES = frozenset({"$fU", "$rU"})


def fixes_of(
    profile: AccountingProfile, finding: SimulationFinding, facts: ScriptFacts | None = None
) -> tuple[Fix, ...]:
    """Return the changes of the profile after which a simulation does not have the finding; ``facts`` name the flags
    that the script uses for other things. None where the script must change.
    """
    found = (
        fix
        for setting in _JOINED.split(finding.setting)
        for fix in _fixes(profile, finding, setting, facts or ScriptFacts())
    )
    return tuple({fix.title: fix for fix in found}.values())


def _fixes(profile: AccountingProfile, finding: SimulationFinding, setting: str, facts: ScriptFacts) -> Iterator[Fix]:
    if setting == "failed_filter":
        yield use_default(setting)
    elif setting in _TURNED_OFF and profile.is_on(setting):
        yield set_option(setting, 0)
    elif setting == "cdr_expired_dlg_enable" and not profile.is_on(setting):
        yield set_option(setting, 1)
    elif setting in _PARTIES:
        yield add_field("extras", _field(profile, setting))
    elif setting.startswith("do_accounting "):
        yield from _requested(profile, finding, setting.removeprefix("do_accounting "))
    elif setting and not profile.uses_do_accounting:
        yield from _flags(profile, setting, facts)


def _flags(profile: AccountingProfile, setting: str, facts: ScriptFacts) -> Iterator[Fix]:
    wanted = []
    if setting == "failed_transaction_flag" and profile.flags.failed is None:
        wanted.append(set_flag(profile, facts, "failed"))
    for backend, names in profile.known_backends.items():
        if setting == names.flag and backend not in profile.flags.account:
            wanted.append(set_flag(profile, facts, "account", backend))
        if setting == names.missed_flag and backend not in profile.flags.missed:
            wanted.append(set_flag(profile, facts, "missed", backend))
    yield from (fix._replace(title=f"{setting}: {fix.title}") for fix in wanted if fix is not None)


def _requested(profile: AccountingProfile, finding: SimulationFinding, flag: str) -> Iterator[Fix]:
    if flag == "failed" and not profile.do_accounting.failed:
        yield change_do_accounting(_("Account failed calls"), failed=frozenset(profile.backends))
    if flag == "missed" and not profile.do_accounting.missed.issuperset(finding.backends):
        missed = profile.do_accounting.missed | frozenset(finding.backends)
        yield change_do_accounting(_("Account missed calls"), missed=missed)


def _field(profile: AccountingProfile, variable: str) -> ExtraDefinition:
    name = suggested_name(variable)
    labels = {one: label for one in profile.backends if (label := suggested_label(one, name))}
    return ExtraDefinition(name, variable, labels, suggest_role(name, variable))
