"""Which files a profile gets."""

from __future__ import annotations

from dataclasses import replace

from proxyconf.artefacts import find_artefact
from proxyconf.profile import AccountingProfile
from proxyconf.vocabulary.layout import Backend


def test_dialog_records_get_their_table_and_their_rule_without_any_other_backend() -> None:
    only_records = AccountingProfile(backends=(Backend.RADIUS,), options={"cdr_enable": 1, "cdrs_table": "acc_cdrs"})
    script = find_artefact(only_records, "postgresql.sql")
    rule = find_artefact(only_records, "rsyslog.conf")
    assert script is not None
    assert 'CREATE TABLE IF NOT EXISTS "acc_cdrs"' in script.text
    assert rule is not None
    assert "acc_cdr" in rule.text
    without = replace(only_records, options={})
    assert find_artefact(without, "postgresql.sql") is None
    assert find_artefact(without, "rsyslog.conf") is None
