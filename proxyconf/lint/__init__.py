"""What is wrong, or may go wrong, with a profile. Pure.

``check(profile)`` says it; each rule is a function with its reason, in a file by subject.
"""

from proxyconf.lint.check import check
from proxyconf.lint.finding import Finding, Severity, grouped

__all__ = ["Finding", "Severity", "check", "grouped"]
