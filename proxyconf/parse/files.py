"""Join the files of a configuration to one text, each included file in the place of its directive."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from proxyconf.parse.tokens import string_after, token_matches

INCLUDES = frozenset({"include_file", "import_file"})
_DEEPEST = 12
_LONGEST = 4_000_000  # characters


class ConfigFile(NamedTuple):
    """A configuration file; ``name`` is its path relative to the configuration's folder."""

    name: str
    text: str


class Segment(NamedTuple):
    """A part of the joined text: ``start`` in the text is ``offset`` in ``file``."""

    start: int
    file: str
    offset: int


class JoinedConfig(NamedTuple):
    """The joined text and the files of its parts. ``missing`` are included files that were not supplied."""

    text: str
    segments: tuple[Segment, ...]
    missing: tuple[str, ...]

    def place(self, position: int) -> tuple[str, int]:
        """Return the file of a position in the text, and the offset in that file."""
        index = bisect_right(self.segments, position, key=lambda segment: segment.start) - 1
        segment = self.segments[max(index, 0)]
        return segment.file, segment.offset + position - segment.start


class Include(NamedTuple):
    """An ``include_file`` or ``import_file`` directive, from ``start`` to ``end``."""

    path: str
    start: int
    end: int


def includes_of(text: str) -> Iterator[Include]:
    """Yield the include directives of a text, regardless of the conditions around them."""
    for match in token_matches(text):
        if match.lastgroup in ("directive", "word") and match[0].lstrip("#!") in INCLUDES:
            path_and_end = string_after(text, match.end())
            if path_and_end is not None:
                yield Include(path_and_end[0], match.start(), path_and_end[1])


def join_files(files: Sequence[ConfigFile]) -> JoinedConfig:
    """Join files: the files that no other includes, the main one first, each with its includes in place.

    An included path is searched relative to the including file, then by its longest matching end. A file is joined
    once.
    """
    joiner = _Joiner(files)
    for root in _roots(files):
        joiner.add(root, 0)
    return JoinedConfig("".join(joiner.parts), tuple(joiner.segments), tuple(dict.fromkeys(joiner.missing)))


def find_file(files: Iterable[ConfigFile], path: str, including: str = "") -> ConfigFile | None:
    """Return the file that the file named ``including`` includes as ``path``, or None."""
    folder = including.rpartition("/")[0]
    relative_path = normal_path(f"{folder}/{path}" if folder else path)
    by_name = {normal_path(file.name): file for file in files}
    if relative_path in by_name:
        return by_name[relative_path]
    matching = [file for name, file in by_name.items() if name and f"/{normal_path(path)}".endswith(f"/{name}")]
    if not matching:
        base = path.rpartition("/")[2]
        matching = [file for name, file in by_name.items() if name.rpartition("/")[2] == base]
    return max(matching, key=lambda file: len(file.name)) if matching else None


def normal_path(path: str) -> str:
    """Return a path without leading slash, and with ``.`` and ``..`` resolved where possible."""
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
    roots = [file for file in files if file.name not in included] or list(files[:1])
    return sorted(roots, key=lambda file: not _is_main(file))


def _is_main(file: ConfigFile) -> bool:
    return file.name.rpartition("/")[2] in ("kamailio.cfg", "opensips.cfg", "openser.cfg")


def decoded(raw: bytes) -> tuple[str, str]:
    """Return the text of a file and its encoding: UTF-8, else Latin-1, which can decode and restore any bytes."""
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return raw.decode("latin-1"), "latin-1"
