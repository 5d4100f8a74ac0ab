"""Findings as pages show them: the gravest first, each with the way to its field in the form."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from proxyconf.forms.options import field_name
from proxyconf.forms.profile import ProfileForm
from proxyconf.forms.rows import label_name
from proxyconf.lint import Finding, Severity, check
from proxyconf.lint.finding import Fix
from proxyconf.profile import AccountingProfile
from proxyconf.script_facts import ScriptFacts
from proxyconf.translation import translated
from proxyconf.vocabulary.layout import Backend

_ROW = re.compile(r"(?P<list>extras|legs|cdr_extras|cdr_legs)\[(?P<index>\d+)\](?:\.(?P<part>.+))?")


class FixButton(NamedTuple):
    """A fix as a button; ``key`` names it in a request."""

    title: str
    key: str


class Shown(NamedTuple):
    """One finding; ``anchor`` is the id of the field that it is about, empty where there is no form."""

    severity: str
    rule: str
    place: str
    what: str
    why: str
    remedy: str
    anchor: str
    fixes: tuple[FixButton, ...]
    other_places: tuple[str, ...] = ()


def shown_findings(
    profile: AccountingProfile, form: ProfileForm | None = None, facts: ScriptFacts | None = None
) -> list[Shown]:
    """Check a profile; its passwords are kept out of what is said."""
    return [
        Shown(
            one.severity.value,
            one.rule,
            translated(one.place),
            translated(one.what),
            translated(one.why),
            translated(one.remedy),
            anchor_of(one.where, form) if form else "",
            tuple(FixButton(translated(fix.title), fix_key(one, fix)) for fix in one.fixes),
        )
        for one in check(profile.masked(), facts)
    ]


def fix_key(finding: Finding, fix: Fix) -> str:
    """Return what names a fix of a profile: the rule, the place and the English title."""
    return json.dumps([finding.rule, finding.where, fix.title], ensure_ascii=True)


def fixed(profile: AccountingProfile, key: str, facts: ScriptFacts | None = None) -> AccountingProfile | None:
    """Return the profile with the fix that ``key`` names applied; None if it does not have that finding (any more)."""
    for finding in check(profile.masked(), facts):
        for fix in finding.fixes:
            if fix_key(finding, fix) == key:
                changed = fix.change(profile)
                return changed if changed != profile else None
    return None


def counts(findings: Iterable[Shown]) -> dict[str, int]:
    """Return how many findings there are of each severity."""
    found = Counter(one.severity for one in findings)
    return {severity.value: found[severity.value] for severity in Severity}


def grave(findings: Iterable[Shown]) -> list[Shown]:
    """Return the findings that are more than a note."""
    return [one for one in findings if one.severity != Severity.NOTE]


def notes(findings: Iterable[Shown]) -> list[Shown]:
    """Return the findings that are no more than a note, those of one rule as one."""
    by_rule: dict[str, Shown] = {}
    for one in findings:
        if one.severity == Severity.NOTE:
            first = by_rule.setdefault(one.rule, one)
            if first is not one:
                by_rule[one.rule] = first._replace(other_places=(*first.other_places, one.place))
    return list(by_rule.values())


def anchor_of(where: str, form: ProfileForm) -> str:
    """Return the id of the control for a path into the profile; of the part that has it, if it is no single control."""
    row = _ROW.fullmatch(where)
    if row:
        return _anchor_of_row(row["list"], int(row["index"]), row["part"] or "", form)
    first, _, rest = where.partition(".")
    match first:
        case "options":
            name = field_name(rest)
        case "flags":
            kind, _, backend = rest.partition(".")
            name = f"{'flag' if kind == 'account' else kind}_{backend}" if backend else kind
        case "do_accounting":
            name = "ask_table" if rest == "table" else ""
        case "extras" | "legs" | "cdr_extras" | "cdr_legs":
            return f"id_{first}" if first in form.rows else ""
        case _:
            return "id_backends"
    return f"id_{name}" if name in form.fields else "id_backends"


def _anchor_of_row(kind: str, index: int, part: str, form: ProfileForm) -> str:
    rows = form.rows.get(kind)
    shown = (rows.in_order() if form.is_bound else rows.forms) if rows is not None else []
    if index >= len(shown):
        return f"id_{kind}" if kind in form.rows else ""
    row = shown[index]
    name = label_name(Backend(part.removeprefix("labels."))) if part.startswith("labels.") else part
    return f"id_{row.prefix}-{name if name in row.fields else 'variable'}"
