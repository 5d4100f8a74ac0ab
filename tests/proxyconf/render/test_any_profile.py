"""Whatever a profile holds, its files can be written: the preview shows them beside the findings."""

from __future__ import annotations

from hypothesis import given, settings

from proxyconf.profile import AccountingProfile
from proxyconf.render.radius_dictionary import (
    client_configuration,
    client_dictionary,
    client_servers,
    server_dictionary,
)
from proxyconf.render.sql_ddl import sql_ddl
from proxyconf.render.sql_schema import Dialect
from proxyconf.render.syslog_rule import Daemon, syslog_rule
from tests.proxyconf.lint.test_check import any_profiles

FORMS = (
    *(lambda profile, dialect=dialect: sql_ddl(profile, dialect) for dialect in Dialect),
    *(lambda profile, daemon=daemon: syslog_rule(profile, daemon) for daemon in Daemon),
    *(client_dictionary, server_dictionary, client_configuration, client_servers),
)


@settings(max_examples=25, deadline=None)
@given(any_profiles())
def test_every_file_of_any_profile_can_be_written_and_is_the_same_again(profile: AccountingProfile) -> None:
    for form in FORMS:
        text = form(profile)
        assert text.endswith("\n")
        assert form(profile) == text


@settings(max_examples=15, deadline=None)
@given(any_profiles())
def test_no_text_of_a_profile_makes_a_line_of_its_own_out_of_a_comment(profile: AccountingProfile) -> None:
    for form in (client_dictionary, server_dictionary, client_servers):
        for line in form(profile).splitlines():
            assert line.startswith(("#", "ATTRIBUTE\t", "VALUE\t")) or not line
