"""Changes of a profile that mend a finding."""

from __future__ import annotations

from dataclasses import replace

from proxyconf.lint.finding import Fix
from proxyconf.profile import AccountingProfile
from proxyconf.vocabulary.parameters import Value


def setting(**options: Value) -> Fix:
    """Return the fix that gives options their values; ``__`` in a name stands for a dot."""
    values = {key.replace("__", "."): value for key, value in options.items()}

    def fix(profile: AccountingProfile) -> AccountingProfile:
        return replace(profile, options={**profile.options, **values})

    return fix
