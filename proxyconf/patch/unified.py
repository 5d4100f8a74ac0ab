"""Convert edits to a unified diff for ``patch -p1``, with three lines of context."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from proxyconf.patch.edits import Edit, apply_edits

_CONTEXT = 3


class _Change(NamedTuple):
    """Replaces the lines ``start`` to ``end`` (exclusive) of the old text by ``lines``."""

    start: int
    end: int
    lines: list[str]


def unified_diff(name: str, text: str, edits: Sequence[Edit]) -> str:
    """Return the diff of a file; empty if the edits change nothing."""
    lines = _lines(text)
    changes = [one for one in _changes(text, lines, edits) if lines[one.start : one.end] != one.lines]
    if not changes:
        return ""
    heading = f"--- a/{name}\n+++ b/{name}\n"
    shift, hunks = 0, []
    for group in _grouped(changes):
        hunk, grown = _hunk(lines, group, shift)
        hunks.append(hunk)
        shift += grown
    return heading + "".join(hunks)


def _lines(text: str) -> list[str]:
    """Split only at line feeds, like patch."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _changes(text: str, lines: Sequence[str], edits: Sequence[Edit]) -> list[_Change]:
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    groups: list[tuple[int, int, list[Edit]]] = []
    for edit in edits:
        first, last = _range(text, starts, edit)
        if groups and first < groups[-1][1]:
            start, end, members = groups[-1]
            groups[-1] = (start, max(end, last), [*members, edit])
        else:
            groups.append((first, last, [edit]))
    found = []
    for first, last, members in groups:
        base = starts[first]
        moved = [edit._replace(start=edit.start - base, end=edit.end - base) for edit in members]
        found.append(_Change(first, last, _lines(apply_edits(text[base : starts[last]], moved))))
    return found


def _range(text: str, starts: Sequence[int], edit: Edit) -> tuple[int, int]:
    """Return the range of lines that an edit changes; an empty range for whole lines that are inserted."""
    count = len(starts) - 1
    first = min(bisect_right(starts, edit.start) - 1, count)
    at_start = starts[first] == edit.start
    if edit.start == edit.end and at_start and (edit.text.endswith("\n") or first == count):
        return first, first
    if at_start and edit.end in starts and (not edit.text or edit.text.endswith("\n")):
        return first, bisect_right(starts, edit.end) - 1
    if first == count:  # at the end of a text whose last line has no end
        return max(first - 1, 0), count
    return first, min(bisect_right(starts, max(edit.end, edit.start)), count)


def _grouped(changes: Sequence[_Change]) -> list[list[_Change]]:
    groups: list[list[_Change]] = []
    for change in changes:
        if groups and change.start - groups[-1][-1].end <= 2 * _CONTEXT:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _hunk(lines: Sequence[str], group: Sequence[_Change], shift: int) -> tuple[str, int]:
    """Return a hunk and the number of lines that it adds; ``shift`` is the number added before it."""
    start = max(group[0].start - _CONTEXT, 0)
    end = min(group[-1].end + _CONTEXT, len(lines))
    body, cursor = [], start
    for change in group:
        body += [f" {line}" for line in lines[cursor : change.start]]
        body += [f"-{line}" for line in lines[change.start : change.end]]
        body += [f"+{line}" for line in change.lines]
        cursor = change.end
    body += [f" {line}" for line in lines[cursor:end]]
    grown = sum(len(change.lines) - (change.end - change.start) for change in group)
    old, new = end - start, end - start + grown
    head = f"@@ -{start + bool(old)},{old} +{start + shift + bool(new)},{new} @@\n"
    ended = [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in body]
    return head + "".join(ended), grown
