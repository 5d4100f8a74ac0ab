"""A diff of edits is what patch applies."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyconf.patch.edits import Edit, apply_edits
from proxyconf.patch.unified import unified_diff

LINES = "".join(f"line {number}\n" for number in range(1, 31))


def replaced(text: str, old: str, new: str) -> Edit:
    start = text.index(old)
    return Edit(start, start + len(old), new)


def test_a_changed_line_is_shown_with_three_lines_around_it() -> None:
    assert unified_diff("a.cfg", LINES, [replaced(LINES, "line 10\n", "new 10\n")]) == (
        "--- a/a.cfg\n+++ b/a.cfg\n@@ -7,7 +7,7 @@\n line 7\n line 8\n line 9\n-line 10\n+new 10\n"
        " line 11\n line 12\n line 13\n"
    )


def test_changes_that_are_near_share_a_hunk() -> None:
    near = [replaced(LINES, "line 10\n", "x\n"), replaced(LINES, "line 14\n", "y\n")]
    far = [replaced(LINES, "line 10\n", "x\n"), replaced(LINES, "line 25\n", "y\n")]
    assert unified_diff("a", LINES, near).count("@@ -") == 1
    assert unified_diff("a", LINES, far).count("@@ -") == 2


@pytest.mark.parametrize("edits", [[], [replaced(LINES, "line 5", "line 5")]])
def test_edits_that_change_nothing_give_no_diff(edits: list[Edit]) -> None:
    assert unified_diff("a", LINES, edits) == ""


def test_a_last_line_without_line_end_is_marked() -> None:
    assert "\\ No newline at end of file" in unified_diff("a", "x\ny", [Edit(2, 3, "z")])


def test_later_hunks_count_the_lines_that_earlier_ones_added() -> None:
    edits = [Edit(0, 0, "first\nsecond\n"), replaced(LINES, "line 25\n", "x\n")]
    assert "@@ -22,7 +24,7 @@" in unified_diff("a", LINES, edits)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", ""]), max_size=14), st.booleans(), st.data())
def test_patch_makes_of_any_lines_what_the_edits_make_of_them(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], ends: bool, data: st.DataObject
) -> None:
    text, edits = "", []
    for line in lines:
        start, text = len(text), f"{text}{line}\n"
        match data.draw(st.sampled_from(["keep", "keep", "change", "remove", "add"])):
            case "change":
                edits.append(Edit(start, start + len(line), "X"))
            case "remove":
                edits.append(Edit(start, len(text), ""))
            case "add":
                edits.append(Edit(start, start, "Y\n"))
    text += "" if ends else "last"
    expected = apply_edits(text, edits)
    diff = unified_diff("a.cfg", text, edits)
    assert bool(diff) == (expected != text)
    if diff:
        assert patched(tmp_path_factory.mktemp("patched"), text, diff) == expected


def patched(folder: Path, text: str, diff: str) -> str:
    file = folder / "a.cfg"
    file.write_bytes(text.encode())
    done = subprocess.run(
        ["patch", "-p1", "--no-backup-if-mismatch"], cwd=folder, input=diff.encode(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return file.read_bytes().decode() if file.exists() else ""
