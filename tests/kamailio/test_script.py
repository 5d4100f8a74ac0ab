"""The routes of the configuration that comes with Debian's package."""

from __future__ import annotations

from pathlib import Path

from proxyconf.parse import actions_of_script, parse_files
from proxyconf.parse.files import ConfigFile
from proxyconf.simulate.script import Marks, Script
from proxyconf.vocabulary.layout import Backend

LOG = frozenset({Backend.SYSLOG})


def test_the_routes_of_debians_configuration_are_followed() -> None:
    files = [ConfigFile("kamailio.cfg", Path("/etc/kamailio/kamailio.cfg").read_text())]
    profile = parse_files(files).profile
    actions = actions_of_script(files, profile.product)
    assert actions is not None
    script = Script.written(profile, actions)
    assert script.invite.account == LOG
    assert script.bye == Marks(LOG, failed=True)
    assert script.reinvite == Marks()
    assert script.record_route
