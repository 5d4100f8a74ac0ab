"""The accounting section of a proxy's configuration, whatever the product."""

from __future__ import annotations

from proxyconf.profile import Profile
from proxyconf.render import kamailio, opensips
from proxyconf.render.script import has_preprocessor


def acc_section(profile: Profile, *, verbose: bool = False) -> str:
    """Return the accounting section in the syntax of the profile's product and version.

    ``verbose`` adds the options that are left at their default.
    """
    if has_preprocessor(profile):
        return kamailio.acc_section(profile, verbose=verbose)
    return opensips.acc_section(profile, verbose=verbose)
