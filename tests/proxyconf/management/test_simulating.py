"""``manage.py proxyconf simulate``."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from proxyconf.models import Proxy
from proxyconf.models.profile import save_profile, suggested
from proxyconf.models.revision import publish
from proxyconf.simulate.flows import FLOWS
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_proxy


@pytest.fixture(autouse=True)
def proxy(db: None) -> Proxy:
    proxy = make_proxy("edge-1")
    publish(save_profile(proxy, suggested(proxy, [Backend.SYSLOG])), by=None)
    save_profile(proxy, suggested(proxy, [Backend.SYSLOG, Backend.SQL]))
    return proxy


def simulate(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("proxyconf", "simulate", "edge-1", *arguments, stdout=out, **options)
    return out.getvalue()


def test_without_a_flow_they_are_listed() -> None:
    assert [line.split("\t")[0] for line in simulate().splitlines()] == list(FLOWS)


def test_records_calls_and_findings_are_written() -> None:
    lines = simulate("answered-caller-hangs-up", "--without", "bye").splitlines()
    assert lines[0].startswith("syslog: ACC: transaction answered: timestamp=1772442006;method=INVITE;")
    assert lines[1].startswith("sql: acc: method=INVITE, ")
    assert json.loads(lines[2].removeprefix("call: "))["state"] == "stop_missing"
    assert lines[3].startswith("error: The end of the call is not in the log and SQL")
    assert lines[3].endswith("[log_flag, db_flag]")


def test_two_profiles_are_compared() -> None:
    lines = simulate("busy", "--against", "published").splitlines()
    assert [line[0] for line in lines if "sql:" in line] == ["-", "-"]
    assert [line[0] for line in lines if "syslog:" in line] == [" ", " "]


def test_a_flow_is_shown_edited_and_read_from_a_file(tmp_path: Path) -> None:
    flow = json.loads(simulate("busy", "--show-flow"))
    file = tmp_path / "flow.json"
    file.write_text(json.dumps(flow | {"call_id": "mine@example.com"}))
    result = json.loads(simulate("--flow-file", str(file), "--json"))
    assert result["calls"][0]["call_id"] == "mine@example.com"


@pytest.mark.parametrize(
    "arguments",
    [("nosuch",), ("busy", "--profile", "9"), ("busy", "--against", "nosuch:draft"), ("--flow-file", "/nosuch")],
)
def test_what_there_is_not_is_one_line(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as refused:
        simulate(*arguments)
    assert refused.value.returncode == 2


def test_what_the_script_asks_for_can_be_edited(tmp_path: Path) -> None:
    script = json.loads(simulate("--show-script"))
    file = tmp_path / "script.json"
    file.write_text(json.dumps(script | {"bye": {"account": ["sql"]}}))
    assert "error: The end of the call is not in the log:" in simulate(
        "answered-caller-hangs-up", "--script-file", str(file)
    )
