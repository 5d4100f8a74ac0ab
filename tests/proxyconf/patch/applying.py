"""Unified diffs applied as ``patch -p1`` does it, strictly: every line of context must be where it is said to be."""

from __future__ import annotations

import re
from collections.abc import Sequence

from proxyconf.parse.files import ConfigFile

_HUNK = re.compile(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@")


def applied(patch: str, files: Sequence[ConfigFile]) -> tuple[ConfigFile, ...]:
    """Return the files with a patch applied."""
    texts = {one.name: one.text for one in files}
    for section in re.split(r"(?m)^--- a/", patch)[1:]:
        heading, _, body = section.partition("\n")
        second, _, hunks = body.partition("\n")
        assert second == f"+++ b/{heading}"
        texts[heading] = _applied(hunks, texts[heading])
    return tuple(ConfigFile(one.name, texts[one.name]) for one in files)


def _applied(hunks: str, text: str) -> str:
    old, new, cursor = _lines(text), [], 0
    for line in re.sub(r"\n\\ No newline at end of file\n", "\0", hunks).replace("\0", "\0\n").split("\n")[:-1]:
        match = _HUNK.fullmatch(line)
        if match:
            start = int(match[1]) - (int(match[2]) > 0)
            assert start >= cursor
            new += old[cursor:start]
            cursor = start
            assert len(new) == int(match[3]) - (int(match[4]) > 0)
            continue
        sign, content = line[0], line[1:] + "\n"
        content = content.replace("\0\n", "")
        if sign in " -":
            assert old[cursor] == content
            cursor += 1
        if sign in " +":
            new.append(content)
    return "".join([*new, *old[cursor:]])


def _lines(text: str) -> list[str]:
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
