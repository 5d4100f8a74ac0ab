"""The lists of packages: all pinned, all with hashes, and held to a database of vulnerabilities where there is one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

SOURCES = sorted(ROOT.glob("requirements*.in"))
_EXTRAS = re.compile(r"\[.*\]")
_ENTRY = re.compile(r"^(?P<pin>[\w.-]+(?:\[[\w,-]+\])?==[^\s;\\]+)(?P<rest>(?:.*\\\n)*.*)", re.MULTILINE)


def entries(lock: Path) -> dict[str, str]:
    """Return what a lock says of each package, by its pin in lower case."""
    text = "".join(line for line in lock.open() if not line.startswith("#"))
    return {match["pin"].lower(): match["rest"] for match in _ENTRY.finditer(text)}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_every_package_is_pinned_with_the_hashes_of_its_files(source: Path) -> None:
    locked = entries(source.with_suffix(".txt"))
    assert [pin for pin, rest in locked.items() if "--hash=sha256:" not in rest] == []
    asked = [_EXTRAS.sub("", line.partition(";")[0].strip().lower()) for line in source.open() if line[0] not in "#-\n"]
    assert [pin for pin in asked if "==" not in pin] == []
    assert [pin for pin in asked if pin not in locked] == [], "run bin/lock"


def test_one_version_of_a_package_is_pinned_in_all_lists() -> None:
    pins: dict[str, set[str]] = {}
    for source in SOURCES:
        for pin in entries(source.with_suffix(".txt")):
            name, _, version = pin.partition("==")
            pins.setdefault(name.partition("[")[0], set()).add(version)
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}


def test_no_list_names_an_index() -> None:
    assert not [lock for lock in ROOT.glob("requirements*.txt") if "://" in lock.read_text()]


def record(name: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}]
    package = {"ecosystem": "PyPI", "name": name}
    return {"id": "TEST-1", "summary": "it leaks", "affected": [{"package": package, "ranges": ranges, **more}]}


def audit(folder: Path, lock: str, *records: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (folder / "osv").mkdir()
    for number, one in enumerate(records):
        (folder / "osv" / f"{number}.json").write_text(json.dumps(one))
    (folder / "lock.txt").write_text(lock)
    command = [sys.executable, str(ROOT / "bin/audit_packages.py"), str(folder / "osv"), str(folder / "lock.txt")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


LOCK = r"""
django-filter==26.2 ; python_version < '4' \
    --hash=sha256:00
psycopg[binary]==3.3.9 \
    --hash=sha256:00
"""


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (record("Django_Filter", {"introduced": "0"}, {"fixed": "26.3"}), "Django_Filter 26.2: TEST-1: it leaks"),
        (record("psycopg", {"introduced": "3.3.9"}), "psycopg 3.3.9: TEST-1: it leaks"),
        (record("psycopg", {"introduced": "1"}, {"last_affected": "3.3.9"}), "psycopg 3.3.9: TEST-1: it leaks"),
        (record("psycopg", versions=["3.3.9"]), "psycopg 3.3.9: TEST-1: it leaks"),
    ],
)
def test_a_package_with_a_known_vulnerability_is_named(tmp_path: Path, found: dict[str, Any], named: str) -> None:
    ended = audit(tmp_path, LOCK, found)
    assert (ended.returncode, ended.stdout) == (1, f"{named}\n")


@pytest.mark.parametrize(
    "harmless",
    [
        record("django-filter", {"introduced": "0"}, {"fixed": "26.2"}),
        record("django-filter", {"introduced": "26.3"}),
        record("psycopg", {"introduced": "1"}, {"last_affected": "3.3.8"}),
        record("filter", {"introduced": "0"}),
        {**record("psycopg", {"introduced": "0"}), "withdrawn": "2026-01-01T00:00:00Z"},
    ],
)
def test_what_does_not_concern_the_pinned_versions_is_no_finding(tmp_path: Path, harmless: dict[str, Any]) -> None:
    ended = audit(tmp_path, LOCK, harmless)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "2 packages, 1 known vulnerabilities, 0 of them ours" in ended.stderr


def test_a_folder_without_records_is_no_clean_bill(tmp_path: Path) -> None:
    ended = audit(tmp_path, LOCK)
    assert (ended.returncode, "holds no OSV record" in ended.stderr) == (2, True)
