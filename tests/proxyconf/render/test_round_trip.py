"""What is rendered says what the profile says: reading it back gives the same effective configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from proxyconf.parse import Imported, parse_config
from proxyconf.profile import AccountingProfile
from proxyconf.profile_layout import layout_of
from proxyconf.render.acc_section import acc_section
from proxyconf.render.modparams import effective_parameters
from proxyconf.vocabulary.layout import Backend
from tests.conftest import RECORDED
from tests.proxyconf.strategies import profiles

patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def imported(profile: AccountingProfile, *, verbose: bool = False) -> Imported:
    text = acc_section(profile, verbose=verbose)
    return parse_config(text, product=profile.product, version=profile.version)


def parameters(profile: AccountingProfile) -> list[tuple[str, str, object]]:
    return [one[:3] for one in effective_parameters(profile)]


def assigned(profile: AccountingProfile) -> dict[str, str]:
    """What the script gives each tag that a backend in use declares (OpenSIPS 2.3 and later)."""
    if not profile.uses_field_declarations:
        return {}
    extras = [one for backend in profile.backends for _label, one in profile.extra_labels(backend)]
    legs = [one for backend in profile.backends for _label, one in profile.leg_labels(backend)]
    return {one.name: one.variable for one in (*extras, *legs)}


@patiently
@given(profiles())
def test_the_same_accounting_is_effective_after_rendering_and_importing(profile: AccountingProfile) -> None:
    found = imported(profile).profile
    assert parameters(found) == parameters(profile)
    assert found.backends == profile.backends
    assert found.flags == profile.flags
    assert found.do_accounting == profile.do_accounting
    assert assigned(found) == assigned(profile)


@patiently
@given(profiles())
def test_the_proxy_logs_the_same_after_rendering_and_importing(profile: AccountingProfile) -> None:
    found, wanted = layout_of(imported(profile).profile), layout_of(profile)
    assert replace(found, roles={}) == replace(wanted, roles={})


@patiently
@given(profiles())
def test_rendering_and_importing_once_more_changes_nothing(profile: AccountingProfile) -> None:
    once = imported(profile)
    assert imported(once.profile).profile == once.profile
    assert imported(profile, verbose=True).profile == once.profile
    assert [one for one in once.remarks if not one.why.endswith("kept as it is")] == []
    assert once.choices == ()


@given(profiles())
def test_a_profile_keeps_everything_as_json(profile: AccountingProfile) -> None:
    assert AccountingProfile.from_json(profile.to_json()) == profile


@pytest.mark.parametrize("scenario", sorted(path.parent.name for path in RECORDED.glob("*/acc.cfg")))
def test_a_recorded_configuration_imports_to_the_same_profile_after_rendering(scenario: str, recorded: Path) -> None:
    once = parse_config((recorded / scenario / "acc.cfg").read_text()).profile
    again = parse_config(acc_section(once))
    assert again.profile == once
    assert again.choices == ()
    assert Backend.SYSLOG in once.backends
