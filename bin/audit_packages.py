"""Compare the pinned packages with a local copy of OSV's database: bin/audit_packages.py FOLDER LOCK...

FOLDER holds OSV records as JSON files, as in the archive ``PyPI/all.zip`` that OSV publishes, unpacked. Each package
with a known vulnerability is a line on standard output; exit status 1: there are some. Exit status 2: FOLDER holds no
record.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def main(folder: str, *locks: str) -> int:
    pinned = {_name(name): version for lock in locks for name, version in _PINNED.findall(Path(lock).read_text())}
    records = 0
    found = []
    for file in sorted(Path(folder).rglob("*.json")):
        record = json.loads(file.read_text())
        records += "affected" in record
        found += _findings(record, pinned)
    if not records:
        sys.stderr.write(f"accweb: {folder} holds no OSV record; unpack PyPI/all.zip of the OSV database there\n")
        return 2
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.stderr.write(f"accweb: {len(pinned)} packages, {records} known vulnerabilities, {len(found)} of them ours\n")
    return 1 if found else 0


def _findings(record: dict[str, Any], pinned: dict[str, str]) -> Iterator[str]:
    """Yield a line for each pinned package that a record affects, unless the record was withdrawn."""
    for affected in record.get("affected", ()):
        package = affected.get("package", {})
        version = pinned.get(_name(package.get("name", "")))
        if (
            version
            and package.get("ecosystem") == "PyPI"
            and not record.get("withdrawn")
            and _affects(affected, version)
        ):
            yield f"{package['name']} {version}: {record['id']}: {record.get('summary', 'no summary')}"


def _affects(affected: dict[str, Any], version: str) -> bool:
    if version in affected.get("versions", ()):
        return True
    ranges = [one["events"] for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM"]
    return any(_in_range(events, Version(version)) for events in ranges)


def _in_range(events: Sequence[dict[str, str]], version: Version) -> bool:
    """Tell whether a version is affected by OSV's events: introduced, fixed, last_affected."""
    affected = False
    for event in sorted(events, key=_place):
        (kind, text) = next(iter(event.items()))
        limit = _version(text)
        if kind == "introduced" and version >= limit:
            affected = True
        elif (kind == "fixed" and version >= limit) or (kind == "last_affected" and version > limit):
            affected = False
    return affected


def _place(event: dict[str, str]) -> Version:
    return _version(next(iter(event.values())))


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def _name(name: str) -> str:
    """Return a package's name as PEP 503 normalizes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
