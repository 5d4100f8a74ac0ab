#!/usr/bin/env python
"""Check the rules of the house that no other tool knows: bin/check_house.py [FOLDER].

Each broken rule is a line on standard output, ``FILE:LINE: what is wrong; what to do``. Exit status 1: there are some.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path

APPS = ("accweb", "cdr", "proxyconf")
CODE = (*APPS, "tests", "bench", "bin", "docs", "static")
LOOSE_MODULES = {"__init__.py", "apps.py", "events.py", "tasks.py", "urls.py"}
DJANGO_NAMES = {"Meta", "Command", "Migration"}
CODE_SUFFIXES = {".py", ".js", ".css"}
GENERATED = {"migrations", "recorded", "__pycache__"}
LONGEST_FILE = 450
LONGEST_TEMPLATE = 120
LEAST_TESTS = 0.9  # lines of tests per line of code
DROPPED_WORDS = Path(__file__).with_name("dropped_words.tsv")

_GETTEXT = re.compile(r"_|(n|p|np)?gettext(_lazy|_noop)?")
_TRANSLATE = re.compile(r"""{%\s*translate\s+("[^"]*"|'[^']*').*?%}""")
_PHRASE = re.compile(r"""\b_\(("[^"]*"|'[^']*')\)""")
_TEMPLATE_SYNTAX = re.compile(r"{#.*?#}|{%\s*comment.*?endcomment\s*%}|{%.*?%}|{{.*?}}", re.DOTALL)
_READ_ATTRIBUTES = {"alt", "aria-label", "placeholder", "title"}
_PLACEHOLDER = re.compile(r"\{\w*\}|%\(\w+\)[sd]")
_MARKDOWN_CODE = re.compile(r"```.*?```|^    [^\n]*$|`[^`]*`|\]\([^)]*\)", re.DOTALL | re.MULTILINE)
_PO_TEXT = re.compile(r'^msgid(?:_plural)? ((?:"(?:[^"\\]|\\.)*"\n?)+)', re.MULTILINE)
_PO_PART = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, order=True)
class Text:
    """A text that is shown on screen, and where it stands."""

    file: Path
    line: int
    text: str


@dataclass(frozen=True)
class DroppedWord:
    """A word that is not used on screen. ``alone``: as a whole text only."""

    instead: str
    alone: bool
    word: str

    def is_in(self, text: str) -> bool:
        words = _one_line(_PLACEHOLDER.sub(" ", text))
        if self.alone:
            return words.rstrip(":") in (self.word, self.word[0].upper() + self.word[1:])
        return re.search(rf"(?<![\w-]){re.escape(self.word)}(?![\w-])", words, re.IGNORECASE) is not None


def main(folder: Path) -> int:
    """Print what breaks a rule; return the exit status."""
    failures = list(chain.from_iterable(check(folder) for check in CHECKS))
    for failure in failures:
        print(failure)  # noqa: T201
    return 1 if failures else 0


def class_names(folder: Path) -> Iterator[str]:
    """A class name is unique, so that a search for it has one answer."""
    places: dict[str, list[str]] = defaultdict(list)
    for file in _python_files(folder, APPS):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ClassDef) and node.name not in DJANGO_NAMES:
                places[node.name].append(f"{file.relative_to(folder)}:{node.lineno}")
    for name, found in sorted(places.items()):
        if len(found) > 1:
            yield f"{found[0]}: class {name} is defined at {', '.join(found[1:])} too; give each a name of its own"


def dropped_words(folder: Path) -> Iterator[str]:
    """A word that the glossary drops is on no screen and in no document."""
    words = list(_dropped_words())
    for shown in sorted(set(_screen_texts(folder))):
        for word in words:
            if word.is_in(shown.text):
                place = f"{shown.file.relative_to(folder)}:{shown.line}"
                yield f'{place}: "{word.word}" in "{_one_line(shown.text)[:60]}"; the glossary says "{word.instead}"'


def loose_modules(folder: Path) -> Iterator[str]:
    """A module of cdr lies in a room."""
    for file in sorted((folder / "cdr").glob("*.py")):
        if file.name not in LOOSE_MODULES:
            yield f"{file.relative_to(folder)}:1: a loose module; move it into the room that it belongs to"


def long_files(folder: Path) -> Iterator[str]:
    """A file has one subject."""
    for file in _files(folder, CODE, CODE_SUFFIXES):
        yield from _too_long(folder, file, LONGEST_FILE)
    for file in _files(folder, ("templates",), {".html"}):
        yield from _too_long(folder, file, LONGEST_TEMPLATE)


def enough_tests(folder: Path) -> Iterator[str]:
    """There are at least nine lines of tests for ten of code."""
    code = sum(map(_lines, _python_files(folder, APPS)))
    tests = sum(map(_lines, _python_files(folder, ("tests",))))
    if tests < LEAST_TESTS * code:
        yield f"tests:1: {tests} lines of tests for {code} lines of code; add tests until there are {LEAST_TESTS:.0%}"


CHECKS: tuple[Callable[[Path], Iterable[str]], ...] = (
    class_names,
    dropped_words,
    loose_modules,
    long_files,
    enough_tests,
)


def _files(folder: Path, names: Iterable[str], suffixes: set[str]) -> Iterator[Path]:
    for name in names:
        for file in sorted((folder / name).rglob("*")):
            if file.suffix in suffixes and not GENERATED.intersection(file.relative_to(folder).parts):
                yield file


def _python_files(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    return _files(folder, names, {".py"})


def _lines(file: Path) -> int:
    return len(file.read_bytes().splitlines())


def _too_long(folder: Path, file: Path, limit: int) -> Iterator[str]:
    if (lines := _lines(file)) > limit:
        yield f"{file.relative_to(folder)}:{limit}: {lines} lines, {limit} are allowed; split it by subject"


def _dropped_words() -> Iterator[DroppedWord]:
    for line in DROPPED_WORDS.read_text().splitlines():
        if line and not line.startswith("#"):
            instead, how, word = line.split("\t")
            yield DroppedWord(instead, how == "alone", word)


def _screen_texts(folder: Path) -> Iterator[Text]:
    for file in _files(folder, ("templates",), {".html"}):
        yield from _texts_of_template(file)
    for file in _files(folder, APPS, {".po"}):
        yield from _texts_of_catalogue(file)
    for file in _python_files(folder, APPS):
        yield from _texts_of_module(file)
    for file in chain(folder.glob("*.md"), folder.glob("docs/*.md")):
        yield from _texts_of_document(file)


def _texts_of_module(file: Path) -> Iterator[Text]:
    """Yield the texts that a module gives to gettext."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if not (isinstance(node, ast.Call) and _GETTEXT.fullmatch(_called(node.func))):
            continue
        texts = node.args[1:] if "pgettext" in _called(node.func) else node.args  # the first says the context
        for text in texts:
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield Text(file, text.lineno, text.value)


def _called(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _texts_of_catalogue(file: Path) -> Iterator[Text]:
    catalogue = file.read_text()
    for entry in _PO_TEXT.finditer(catalogue):
        text = "".join(_PO_PART.findall(entry[1]))
        yield Text(file, catalogue.count("\n", 0, entry.start()) + 1, text)


def _texts_of_document(file: Path) -> Iterator[Text]:
    """Yield the paragraphs of a document, without its code: parameters and members keep their names."""
    line = 1
    for paragraph in _MARKDOWN_CODE.sub(_newlines, file.read_text()).split("\n\n"):
        yield Text(file, line, paragraph)
        line += paragraph.count("\n") + 2


def _texts_of_template(file: Path) -> Iterator[Text]:
    """Yield what a browser shows of a template: text, the attributes that are read out or shown, ``_("arguments")``."""
    template = file.read_text()
    for phrase in _PHRASE.finditer(template):
        yield Text(file, template.count("\n", 0, phrase.start()) + 1, phrase[1][1:-1])
    template = _TRANSLATE.sub(lambda match: match[1][1:-1] + _newlines(match), template)
    reader = _TemplateReader(file)
    reader.feed(_TEMPLATE_SYNTAX.sub(_newlines, template))
    reader.close()
    yield from reader.texts


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _newlines(match: re.Match[str]) -> str:
    """Return as many line ends as there were, so that later places keep their line."""
    return "\n" * match[0].count("\n")


class _TemplateReader(HTMLParser):
    """Collects the texts of a template whose own syntax was taken out."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.texts: list[Text] = []
        self._file = file
        self._element = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element = tag
        self._add(value for name, value in attrs if name in _READ_ATTRIBUTES and value)

    def handle_endtag(self, tag: str) -> None:
        self._element = ""

    def handle_data(self, data: str) -> None:
        if self._element not in ("script", "style", "code"):
            self._add([data])

    def _add(self, texts: Iterable[str]) -> None:
        for text in texts:
            blank_lines = text[: len(text) - len(text.lstrip())].count("\n")
            if text.strip():
                self.texts.append(Text(self._file, self.getpos()[0] + blank_lines, text))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
