"""The check of the house's own rules, on small checkouts that break one each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

Checkout = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def check(tmp_path: Path) -> Checkout:
    """Check a checkout of these files (path and content) beside one long test."""

    def run(files: dict[str, str], test_lines: int = 1000) -> subprocess.CompletedProcess[str]:
        for number in range(0, test_lines, 400):
            files[f"tests/test_{number}.py"] = "pass\n" * min(400, test_lines - number)
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        command = [sys.executable, ROOT / "bin" / "check_house.py", tmp_path]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def found(ended: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the places of what was found."""
    assert ended.stderr == ""
    assert ended.returncode == (1 if ended.stdout else 0)
    return [line.partition(": ")[0] for line in ended.stdout.splitlines()]


def test_a_class_name_that_two_modules_define_is_found_with_both_places(check: Checkout) -> None:
    ended = check({"cdr/views/calls.py": "\nclass Row: ...\n", "proxyconf/lint/check.py": "class Row: ...\n"})
    assert found(ended) == ["cdr/views/calls.py:2"]
    assert "proxyconf/lint/check.py:1" in ended.stdout


def test_a_class_within_a_class_has_a_name_of_its_own_too(check: Checkout) -> None:
    assert found(check({"cdr/models/call.py": "class Call:\n    class State: ...\nclass State: ...\n"})) == [
        "cdr/models/call.py:3"
    ]


@pytest.mark.parametrize("name", ["Meta", "Command", "Migration"])
def test_names_that_django_asks_for_may_repeat(name: str, check: Checkout) -> None:
    assert (
        found(check({"cdr/models/call.py": f"class {name}: ...\n", "accweb/models.py": f"class {name}: ...\n"})) == []
    )


def test_migrations_may_define_what_models_define(check: Checkout) -> None:
    assert (
        found(check({"cdr/models/call.py": "class A: ...\n", "cdr/migrations/0001_initial.py": "class A: ...\n"})) == []
    )


def test_a_loose_module_of_cdr_is_found(check: Checkout) -> None:
    assert found(check({"cdr/utils.py": "", "cdr/events.py": "", "cdr/storage/ingest.py": ""})) == ["cdr/utils.py:1"]


@pytest.mark.parametrize(
    ("file", "limit"), [("cdr/calls/publish.py", 450), ("static/app.js", 450), ("templates/cdr/call.html", 120)]
)
def test_a_file_may_have_so_many_lines_and_no_more(file: str, limit: int, check: Checkout) -> None:
    assert found(check({file: "\n" * limit})) == []
    assert found(check({file: "\n" * (limit + 1)})) == [f"{file}:{limit}"]


def test_recorded_input_and_data_may_be_long(check: Checkout) -> None:
    files = {"tests/recorded/01/expected.py": "pass\n" * 900, "proxyconf/vocabulary/parameters.csv": "\n" * 900}
    assert found(check(files)) == []


def test_fewer_lines_of_tests_than_of_code_are_found(check: Checkout) -> None:
    code = {"cdr/events.py": "pass\n" * 300}
    assert found(check(dict(code), test_lines=270)) == []
    ended = check(dict(code), test_lines=269)
    assert "269 lines of tests for 300 lines of code" in ended.stdout


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("cdr/display/wording.py", 'LABELS = [\n    _("Calls without STOP"),\n]\n', 2),
        ("cdr/views/call.py", 'text = ngettext("%(n)d call\\nwithout STOP", "%(n)d calls", n)\n', 1),
        ("cdr/views/call.py", 'text = pgettext("badge", "Superseded")\n', 1),
        ("templates/cdr/call.html", "<p>\n{% translate 'Hung up by' %} {{ name }}</p>", 2),
        (
            "templates/cdr/call.html",
            "<p>{% blocktranslate %}\n{{ n }} calls without\n STOP{% endblocktranslate %}</p>",
            2,
        ),
        (
            "templates/cdr/call.html",
            "{% comment %}\n{% endcomment %}\n<input title=\"{% translate 'Raw input' %}\">",
            3,
        ),
        ("templates/cdr/call.html", "{% include '_tile.html' with label=_('Loss meter') %}", 1),
        ("docs/finding-calls.md", "# Calls\n\n    code = superseded\n\nCalls that\nare superseded\n", 5),
        ("accweb/locale/es/LC_MESSAGES/django.po", '\nmsgid ""\n"Calls "\n"without STOP"\nmsgstr ""\n', 2),
    ],
)
def test_a_dropped_word_is_found_where_it_is_shown(file: str, content: str, line: int, check: Checkout) -> None:
    ended = check({file: content})
    assert found(ended) == [f"{file}:{line}"]
    assert "the glossary says" in ended.stdout


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("cdr/calls/publish.py", '"""Make calls without STOP."""\nlog("a call without STOP")\n'),
        ("cdr/views/call.py", 'text = _("Times from {backend} are later than %(backend)s.")\n'),
        ("cdr/views/call.py", 'text = pgettext("superseded", "Merged into another call")\n'),
        ("templates/cdr/call.html", "{# calls without STOP #}{% if call.superseded %}{{ call.superseded }}{% endif %}"),
        ("templates/cdr/call.html", '<p class="superseded">No STOP</p><code>without STOP</code>'),
        ("templates/cdr/call.html", "<script>let superseded = 1</script>"),
        ("README.md", "`superseded=1` [finds](superseded.md)\n\n    settle\n\n```\nraw input\n```\nmerged calls.\n"),
        ("accweb/locale/es/LC_MESSAGES/django.po", '# superseded\nmsgid "No STOP"\nmsgstr "superseded"\n'),
    ],
)
def test_a_dropped_word_that_is_not_shown_in_english_is_none(file: str, content: str, check: Checkout) -> None:
    assert found(check({file: content})) == []


@pytest.mark.parametrize(
    ("text", "is_dropped"),
    [("Start", True), ("Start:", True), ("START", False), ("Start of the call", False), ("The unsettled sea", False)],
)
def test_some_words_are_dropped_as_a_label_alone(text: str, is_dropped: bool, check: Checkout) -> None:
    assert bool(found(check({"accweb/web/navigation.py": f"label = _({text!r})\n"}))) is is_dropped
