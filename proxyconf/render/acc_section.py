"""The accounting section of a proxy's configuration, whatever the product."""

from __future__ import annotations

from proxyconf.profile import AccountingProfile
from proxyconf.render import kamailio, opensips
from proxyconf.render.script import has_preprocessor


def acc_section(profile: AccountingProfile, *, verbose: bool = False, modules: bool = True) -> str:
    """Return the accounting section in the syntax of the profile's product and version.

    ``verbose`` adds the options that are left at their default. Without ``modules`` it holds no ``loadmodule`` line
    that could load a module a second time.
    """
    if has_preprocessor(profile):
        return kamailio.acc_section(profile, verbose=verbose)
    return opensips.acc_section(profile, verbose=verbose, modules=modules)


def modules_section(profile: AccountingProfile) -> str:
    """Return the ``loadmodule`` lines as a text of their own; empty where the accounting section can hold them."""
    return "" if has_preprocessor(profile) else opensips.modules_section(profile)
