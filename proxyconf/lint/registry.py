"""The rules: one function each, with a name that never changes and the reason why it is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeAlias

from proxyconf.lint.finding import Finding, Fix, Severity
from proxyconf.profile import AccountingProfile
from proxyconf.script_facts import ScriptFacts


class Place(NamedTuple):
    """Where in a profile: the path of ``Finding.where``, and the words of ``Finding.place``."""

    path: str = ""
    words: str = ""


class Problem(NamedTuple):
    """What a rule yields. ``why`` replaces the rule's own reason where that depends on the profile."""

    severity: Severity
    at: Place
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
    """A rule: its name, its reason, and what finds its problems in a profile."""

    name: str
    why: str
    find: ScriptFinder

    def findings(self, profile: AccountingProfile, facts: ScriptFacts) -> Iterator[Finding]:
        """Yield what the rule has to say about a profile."""
        for problem in self.find(profile, facts):
            yield Finding(
                problem.severity,
                self.name,
                problem.at.path,
                problem.at.words,
                problem.what,
                problem.why or self.why,
                problem.remedy,
                problem.fixes,
            )


_rules: dict[str, LintRule] = {}


def rule(name: str, why: str) -> Callable[[Finder], Finder]:
    """Register the function below as the rule ``name``; ``why`` is its reason, as a finding says it."""

    def register(find: Finder) -> Finder:
        _register(name, why, lambda profile, _facts: find(profile))
        return find

    return register


def script_rule(name: str, why: str) -> Callable[[ScriptFinder], ScriptFinder]:
    """Register the function below as ``rule`` does; it is also given the facts of the proxy's script."""

    def register(find: ScriptFinder) -> ScriptFinder:
        _register(name, why, find)
        return find

    return register


def _register(name: str, why: str, find: ScriptFinder) -> None:
    if name in _rules:
        raise ValueError(f"two rules are named {name}")
    _rules[name] = LintRule(name, why, find)


def rules() -> Mapping[str, LintRule]:
    """Return all rules by name."""
    return _rules


def error(at: Place, what: str, remedy: str, why: str = "") -> Problem:
    """Return a problem by which the proxy does not start or ends, or records are lost or wrong."""
    return Problem(Severity.ERROR, at, what, remedy, why)


def warning(at: Place, what: str, remedy: str, why: str = "") -> Problem:
    """Return a problem by which records or values may be lost or misread."""
    return Problem(Severity.WARNING, at, what, remedy, why)


def note(at: Place, what: str, remedy: str, why: str = "") -> Problem:
    """Return what is no problem but worth knowing."""
    return Problem(Severity.NOTE, at, what, remedy, why)
