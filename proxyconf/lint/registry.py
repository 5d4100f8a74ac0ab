"""The rules of the check: a function each, with a name that never changes and the consequence of its problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeAlias

from proxyconf.lint.finding import Finding, Fix, Severity
from proxyconf.profile import AccountingProfile
from proxyconf.script_facts import ScriptFacts


class Place(NamedTuple):
    """A place in a profile: the path for ``Finding.where``, and the words for ``Finding.place``."""

    path: str = ""
    words: str = ""


class Problem(NamedTuple):
    """A problem found by a rule. ``why`` replaces the rule's consequence if that depends on the profile."""

    severity: Severity
    place: Place
    what: str
    remedy: str
    why: str = ""
    fixes: tuple[Fix, ...] = ()

    def fixed_by(self, *fixes: Fix | None) -> Self:
        """Return the problem with its fixes, the best first; None stands for one that is not possible here."""
        return self._replace(fixes=tuple(fix for fix in fixes if fix is not None))


Finder: TypeAlias = Callable[[AccountingProfile], Iterable[Problem]]
ScriptFinder: TypeAlias = Callable[[AccountingProfile, ScriptFacts], Iterable[Problem]]


@dataclass(frozen=True, slots=True)
class LintRule:
    """A rule: its name, the consequence of its problems, and the function that finds them in a profile."""

    name: str
    why: str
    find: ScriptFinder

    def findings(self, profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Finding]:
        for problem in self.find(profile, facts):
            yield Finding(
                problem.severity,
                self.name,
                problem.place.path,
                problem.place.words,
                problem.what,
                problem.why or self.why,
                problem.remedy,
                problem.fixes,
            )


_rules: dict[str, LintRule] = {}


def rule(name: str, why: str) -> Callable[[Finder], Finder]:
    """Register the decorated function as the rule ``name``; ``why`` is the consequence in its findings."""

    def register(find: Finder) -> Finder:
        _register(name, why, lambda profile, _facts: find(profile))
        return find

    return register


def script_rule(name: str, why: str) -> Callable[[ScriptFinder], ScriptFinder]:
    """Like ``rule``, for a function that also takes the facts about the proxy's script."""

    def register(find: ScriptFinder) -> ScriptFinder:
        _register(name, why, find)
        return find

    return register


def _register(name: str, why: str, find: ScriptFinder) -> None:
    if name in _rules:
        raise ValueError(f"two rules are named {name}")
    _rules[name] = LintRule(name, why, find)


def rules() -> Mapping[str, LintRule]:
    return _rules


def error(place: Place, what: str, remedy: str, why: str = "") -> Problem:
    """Return a problem because of which the proxy does not start or ends, or records are lost or wrong."""
    return Problem(Severity.ERROR, place, what, remedy, why)


def warning(place: Place, what: str, remedy: str, why: str = "") -> Problem:
    """Return a problem because of which records or values may be lost or misread."""
    return Problem(Severity.WARNING, place, what, remedy, why)


def note(place: Place, what: str, remedy: str, why: str = "") -> Problem:
    """Return something that is worth knowing, but not a problem."""
    return Problem(Severity.NOTE, place, what, remedy, why)
