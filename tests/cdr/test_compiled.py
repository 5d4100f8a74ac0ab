"""Compiled modules run only where they were made of the sources beside them."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import cdr
from tests.conftest import ROOT


class Checkout:
    """A folder with ``cdr`` and what compiles it, its compiled modules empty files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.package = folder, folder / "cdr"
        (folder / "bin").mkdir()
        (folder / "bin" / "compile_rooms.py").write_bytes((ROOT / "bin" / "compile_rooms.py").read_bytes())
        for room in ("correlation", "formats"):
            (self.package / room).mkdir(parents=True)
            (self.package / room / "rules.py").write_text("LIMIT = 1\n")
        (self.package / "events.py").write_text("")
        (self.package / "__init__.py").write_bytes(Path(cdr.__file__).read_bytes())
        self.fingerprint = self.python("import cdr; print(cdr.fingerprint())").stdout.strip()

    @property
    def modules(self) -> list[Path]:
        suffix = EXTENSION_SUFFIXES[0]
        files = ("cdr/events", "cdr/correlation/rules", "cdr/formats/rules", "accweb__mypyc")
        return [self.folder / f"{file}{suffix}" for file in files]

    def compile(self, fingerprint: str) -> None:
        for module in self.modules:
            module.touch()
        (self.package / "compiled_from").write_text(fingerprint)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *(arguments if len(arguments) > 1 else ("-c", *arguments))]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_without_compiled_modules_it_is_plain_python(checkout: Checkout) -> None:
    assert checkout.python("import cdr; print(cdr.IS_COMPILED)").stdout == "False\n"


def test_compiled_modules_of_the_sources_are_used(checkout: Checkout) -> None:
    checkout.compile(checkout.fingerprint)
    assert checkout.python("import cdr; print(cdr.IS_COMPILED)").stdout == "True\n"


@pytest.mark.parametrize("file", ["events.py", "correlation/rules.py", "formats/new.py"])
def test_compiled_modules_are_refused_where_a_source_has_changed(file: str, checkout: Checkout) -> None:
    checkout.compile(checkout.fingerprint)
    (checkout.package / file).write_text("LIMIT = 2\n")
    ended = checkout.python("import cdr")
    assert ended.returncode == 1
    assert "run bin/compile again, or bin/compile --clean" in ended.stderr


def test_compiled_modules_that_nobody_vouches_for_are_refused(checkout: Checkout) -> None:
    checkout.compile(checkout.fingerprint)
    (checkout.package / "compiled_from").unlink()
    assert checkout.python("import cdr").returncode == 1


def test_clean_removes_what_was_compiled_also_where_it_is_out_of_date(checkout: Checkout) -> None:
    checkout.compile("of other sources")
    assert checkout.python("bin/compile_rooms.py", "--clean").returncode == 0
    assert not any(module.exists() for module in checkout.modules)
    assert checkout.python("import cdr; print(cdr.IS_COMPILED)").stdout == "False\n"
