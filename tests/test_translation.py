"""The second language is complete: each text of the pages has its translation, with the same placeholders."""

from __future__ import annotations

import gettext
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.thorough

CATALOGUE = Path("accweb/locale/es/LC_MESSAGES")
_PLACEHOLDER = re.compile(r"%\(\w+\)[sdr]|%[sdr]|\{\w*(?:![rs])?\}")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources whose catalogue was brought up to date."""
    folder = tmp_path_factory.mktemp("messages")
    for name in ("accweb", "cdr", "proxyconf", "templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", folder)
    command = [sys.executable, "manage.py", "makemessages", "--locale", "es", "--no-obsolete", "--no-wrap"]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "ACCWEB_DATA_DIR": str(folder / "data")}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return folder / CATALOGUE / "django.po"


def _attributed(catalogue: Path, *options: str) -> str:
    found = subprocess.run(
        ["msgattrib", *options, "--no-location", "--no-wrap", str(catalogue)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return "\n".join(line for line in found.stdout.splitlines() if line.startswith("msgid") and line != 'msgid ""')


def test_every_text_is_translated(fresh: Path) -> None:
    assert _attributed(fresh, "--untranslated") == ""


def test_no_translation_is_a_guess(fresh: Path) -> None:
    assert _attributed(fresh, "--only-fuzzy") == ""


def test_what_is_compiled_is_what_is_written(tmp_path: Path) -> None:
    compiled = tmp_path / "django.mo"
    subprocess.run(["msgfmt", "--check", "-o", compiled, ROOT / CATALOGUE / "django.po"], check=True)
    with compiled.open("rb") as new, (ROOT / CATALOGUE / "django.mo").open("rb") as kept:
        assert _texts(new) == _texts(kept)


def test_translations_have_the_placeholders_of_their_texts() -> None:
    with (ROOT / CATALOGUE / "django.mo").open("rb") as file:
        texts = _texts(file)
    wrong = {
        str(text): said
        for text, said in texts.items()
        if text
        and set(_PLACEHOLDER.findall(str(text))) != set(_PLACEHOLDER.findall(said))
        and not isinstance(text, tuple)
    }
    assert len(texts) > 1000
    assert wrong == {}


def _texts(file: object) -> dict[object, str]:
    catalogue = gettext.GNUTranslations(file)  # type: ignore[arg-type]
    found: dict[object, str] = dict(catalogue._catalog)  # type: ignore[attr-defined]
    return found
