"""The findings of the check."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from proxyconf.profile import AccountingProfile


class Fix(NamedTuple):
    """A remedy that is a change of the profile alone: ``title`` names it on a button, ``change`` makes it.

    ``change`` is pure. The finding is gone from the profile that it returns, which has no error that was not there
    before; what else the profile holds, passwords too, stays.
    """

    title: str
    change: Callable[[AccountingProfile], AccountingProfile]


class Severity(StrEnum):
    ERROR = "error"  # the proxy does not start or ends, or records are lost or wrong
    WARNING = "warning"  # records or values may be lost or misread, depending on the calls or on the script
    NOTE = "note"  # correct, but worth knowing

    @property
    def rank(self) -> int:
        """The position in an order that begins with the most severe."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of ``rule``, whose name never changes.

    ``where`` is a path in the profile (``extras[2].labels.sql``, ``flags.account.radius``, ``options.failed_filter``,
    empty for the whole profile), ``place`` the same in words. ``what`` is the problem, ``why`` its consequence,
    ``remedy`` how to fix it, each in a few sentences. ``fixes`` are the remedies that change only the profile, the
    recommended one first.
    """

    severity: Severity
    rule: str
    where: str
    place: str
    what: str
    why: str
    remedy: str
    fixes: tuple[Fix, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{self.severity}: {place}{self.what} {self.why} {self.remedy} [{self.rule}]"


def grouped(findings: Iterable[Finding]) -> list[tuple[Finding, list[Finding]]]:
    """Return the findings in order, each note with the later notes of its rule; errors and warnings are not grouped."""
    groups: list[tuple[Finding, list[Finding]]] = []
    first_notes: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.severity is Severity.NOTE and finding.rule in first_notes:
            first_notes[finding.rule].append(finding)
            continue
        others: list[Finding] = []
        groups.append((finding, others))
        if finding.severity is Severity.NOTE:
            first_notes[finding.rule] = others
    return groups
