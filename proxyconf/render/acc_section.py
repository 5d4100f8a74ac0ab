"""The accounting section of a proxy's configuration, for any product."""

from __future__ import annotations

from proxyconf.profile import AccountingProfile
from proxyconf.render import kamailio, opensips
from proxyconf.render.script import has_preprocessor


def acc_section(profile: AccountingProfile, *, verbose: bool = False, modules: bool = True) -> str:
    """Return the accounting section in the syntax of the profile's product and version.

    ``verbose`` adds the options with default values. Without ``modules`` it omits ``loadmodule`` lines that could load
    a module a second time.
    """
    if has_preprocessor(profile):
        return kamailio.acc_section(profile, verbose=verbose)
    return opensips.acc_section(profile, verbose=verbose, modules=modules)


def modules_section(profile: AccountingProfile) -> str:
    """Return the ``loadmodule`` lines as a separate file; empty if the accounting section can contain them."""
    return "" if has_preprocessor(profile) else opensips.modules_section(profile)
