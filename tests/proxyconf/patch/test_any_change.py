"""Whatever changes in a profile: patch, apply, import gives the profile, and no other line changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxyconf.parse import parse_files
from proxyconf.patch import make_patch, remaining_differences
from proxyconf.profile import AccountingProfile
from tests.proxyconf.patch.applying import applied
from tests.proxyconf.patch.configurations import CONFIGURATIONS, Configuration
from tests.proxyconf.strategies import names, profiles

_ANY = settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def changed(draw: st.DrawFn, configuration: Configuration) -> AccountingProfile:
    """The profile of a configuration with any of its parts as in some other profile of the release."""
    own = configuration.profile
    other = draw(profiles([(own.product, own.version)], texts=names))
    parts = ["extras", "legs", "cdr_extras"]
    if own.flags.account or own.uses_do_accounting:  # else options alone say which outputs are in use
        parts.append("options")
    chosen = {name: getattr(other, name) for name in draw(st.sets(st.sampled_from(parts)))}
    if draw(st.booleans()):
        chosen |= {name: getattr(other, name) for name in ("backends", "flags", "do_accounting", "options")}
        return replace(own, other_parameters=(), macros={}, **chosen)
    if "options" in chosen:  # aaa_url names the backend, RADIUS or Diameter
        chosen["options"] = {key: value for key, value in other.options.items() if key != "aaa_url"}
    return replace(own, macros={} if "options" in chosen else own.macros, **chosen)


@pytest.mark.parametrize("name", CONFIGURATIONS)
@_ANY
@given(st.data())
def test_patch_apply_and_import_give_the_profile(name: str, data: st.DataObject) -> None:
    configuration = CONFIGURATIONS[name]
    target = data.draw(changed(configuration))
    patch = make_patch(configuration.files, target, configuration.defines)
    files = applied(patch.text, configuration.files)
    assert files == patch.files
    imported = parse_files(
        files, product=configuration.product, version=configuration.version, defines=configuration.defines
    )
    assert remaining_differences(imported.profile, target) == []


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_a_configuration_says_already_needs_no_patch(name: str) -> None:
    configuration = CONFIGURATIONS[name]
    patch = make_patch(configuration.files, configuration.profile, configuration.defines)
    assert (patch.text, patch.problems) == ("", ())
