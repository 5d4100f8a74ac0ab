"""What a check has to say."""

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
    """How grave a finding is."""

    ERROR = "error"  # the proxy does not start or ends, or records are lost or wrong
    WARNING = "warning"  # records or values may be lost or misread, depending on the calls or on the script
    NOTE = "note"  # as it should be, but worth knowing

    @property
    def rank(self) -> int:
        """The place in an order that begins with the gravest."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of ``rule``, whose name never changes.

    ``where`` is a path into the profile's fields (``extras[2].labels.sql``, ``flags.account.radius``,
    ``options.failed_filter``, empty for the profile as a whole), ``place`` says the same to people. ``what`` is what
    was found, ``why`` what comes of it, ``remedy`` how to mend it; each is one or a few plain sentences. ``fixes`` are
    the remedies that are changes of the profile alone, the first one recommended.
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
    """Return the findings in order, each note with the later notes of its rule; errors and warnings stand alone."""
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
