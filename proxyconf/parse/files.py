"""Several files of one configuration as one text, with the files that each includes in their places."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from proxyconf.parse.tokens import string_after, token_matches

INCLUDES = frozenset({"include_file", "import_file"})
_DEEPEST = 12
_LONGEST = 4_000_000  # characters; a file that is included many times must not grow without end


class ConfigFile(NamedTuple):
    """One file: its path, relative to the folder of the configuration, and its text."""

    name: str
    text: str


class Segment(NamedTuple):
    """A part of the joined text: from ``start`` on it is ``file`` from ``offset`` on."""

    start: int
    file: str
    offset: int


class JoinedConfig(NamedTuple):
    """The joined text, and which part of it stands in which file. ``missing`` are included files that are not there."""

    text: str
    segments: tuple[Segment, ...]
    missing: tuple[str, ...]

    def place(self, position: int) -> tuple[str, int]:
        """Return the file and the offset in it of a position of the text."""
        index = bisect_right(self.segments, position, key=lambda one: one.start) - 1
        segment = self.segments[max(index, 0)]
        return segment.file, segment.offset + position - segment.start


class Include(NamedTuple):
    """An ``include_file`` or ``import_file``: the path, and where the directive begins and ends."""

    path: str
    start: int
    end: int


def includes_of(text: str) -> Iterator[Include]:
    """Yield the files that a text includes, whatever conditions stand around them."""
    for match in token_matches(text):
        if match.lastgroup in ("directive", "word") and match[0].lstrip("#!") in INCLUDES:
            found = string_after(text, match.end())
            if found is not None:
                yield Include(found[0], match.start(), found[1])


def join_files(files: Sequence[ConfigFile]) -> JoinedConfig:
    """Join files: those that no other includes follow each other, the main one first, and each holds what it includes.

    A path is looked for beside the file that names it, then by as much of its end as a file's name has. A file is
    joined once.
    """
    joiner = _Joiner(files)
    for one in _roots(files):
        joiner.add(one, 0)
    return JoinedConfig("".join(joiner.parts), tuple(joiner.segments), tuple(dict.fromkeys(joiner.missing)))


def find_file(files: Iterable[ConfigFile], path: str, including: str = "") -> ConfigFile | None:
    """Return the file that an ``include_file`` of the file named ``including`` means, if it is among them."""
    folder = including.rpartition("/")[0]
    beside = normal_path(f"{folder}/{path}" if folder else path)
    by_name = {normal_path(one.name): one for one in files}
    if beside in by_name:
        return by_name[beside]
    matching = [one for name, one in by_name.items() if name and f"/{normal_path(path)}".endswith(f"/{name}")]
    if not matching:
        base = path.rpartition("/")[2]
        matching = [one for name, one in by_name.items() if name.rpartition("/")[2] == base]
    return max(matching, key=lambda one: len(one.name)) if matching else None


def normal_path(path: str) -> str:
    """Return a path without ``.`` and ``..`` where they can be resolved, and without a slash at its beginning."""
    parts: list[str] = []
    for part in path.replace("\\", "/").split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", ".", ".."):
            parts.append(part)
    return "/".join(parts)


class _Joiner:
    def __init__(self, files: Sequence[ConfigFile]) -> None:
        self.files = files
        self.parts: list[str] = []
        self.segments: list[Segment] = []
        self.missing: list[str] = []
        self._length = 0
        self._joined: set[str] = set()

    def add(self, file: ConfigFile, depth: int) -> None:
        self._joined.add(file.name)
        position = 0
        for include in includes_of(file.text):
            inner = find_file(self.files, include.path, file.name)
            if inner is None:
                self.missing.append(include.path)
            elif inner.name not in self._joined and depth < _DEEPEST and self._length < _LONGEST:
                self._put(file, position, include.start)
                self.add(inner, depth + 1)
                position = include.end
        self._put(file, position, len(file.text))
        if not file.text.endswith("\n"):
            self._glue("\n", file, len(file.text))

    def _put(self, file: ConfigFile, start: int, end: int) -> None:
        self._glue(file.text[start:end], file, start)

    def _glue(self, text: str, file: ConfigFile, offset: int) -> None:
        if text:
            self.segments.append(Segment(self._length, file.name, offset))
            self.parts.append(text)
            self._length += len(text)


def _roots(files: Sequence[ConfigFile]) -> list[ConfigFile]:
    included = {
        inner.name
        for file in files
        for include in includes_of(file.text)
        if (inner := find_file(files, include.path, file.name)) is not None and inner.name != file.name
    }
    roots = [one for one in files if one.name not in included] or list(files[:1])
    return sorted(roots, key=lambda one: not _is_main(one))


def _is_main(file: ConfigFile) -> bool:
    return file.name.rpartition("/")[2] in ("kamailio.cfg", "opensips.cfg", "openser.cfg")


def decoded(raw: bytes) -> tuple[str, str]:
    """Return the text of a file, and the encoding that gives its bytes back: UTF-8, else Latin-1, which takes any."""
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return raw.decode("latin-1"), "latin-1"
