"""What the documents name is there: files, pages, environment variables."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

HOUSE = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*HOUSE.glob("*.md"), *(HOUSE / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FILE = re.compile(r"(?:accweb|cdr|proxyconf|templates|static|tests|bench|bin|deploy|docs|\.ci)/[\w./-]*")
_CODE = re.compile(r"`([^`\n]+)`")
_MODULE = re.compile(r"(?:accweb|cdr|proxyconf)(?:\.\w+)+")
_NO_MODULE = re.compile(r"\w+\.(?:(?:view|change|export|share)_\w+|example\..*|sqlite3.*|localdomain|service|dump)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_VARIABLE = re.compile(r'environment\.\w+\(\s*"([A-Z_]+)"')


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(HOUSE)))
def test_files_links_and_modules_named_in_a_document_are_there(document: Path) -> None:
    text = document.read_text()
    missing = [link for link in _LINK.findall(text) if not _leads_somewhere(document, link)]
    for code in _CODE.findall(text):
        if _FILE.fullmatch(code) and not (HOUSE / code).exists():
            missing.append(code)
        if _MODULE.fullmatch(code) and not _NO_MODULE.fullmatch(code) and not _is_name(code):
            missing.append(code)
    assert missing == []


def test_each_environment_variable_of_the_settings_is_in_the_table() -> None:
    variables = set(_VARIABLE.findall((HOUSE / "accweb/settings.py").read_text()))
    rows = re.findall(r"^\| (`[^|]*) \|", (HOUSE / "README.md").read_text(), re.MULTILINE)
    named = {name for row in rows for name in _CODE.findall(row)}
    assert variables - named == set()


def _leads_somewhere(document: Path, link: str) -> bool:
    if link.startswith(("https://", "http://")):
        return True
    path, _, anchor = link.partition("#")
    file = (document.parent / unquote(path)).resolve() if path else document
    return file.exists() and (not anchor or anchor in _anchors(file))


def _anchors(file: Path) -> set[str]:
    """Return the anchors of a document's headings, as forges make them."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(file.read_text())}


def _is_name(dotted: str) -> bool:
    """Tell whether a dotted name is a module, or defined in one."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        module = HOUSE.joinpath(*parts[:end])
        file = module.with_suffix(".py") if module.with_suffix(".py").is_file() else module / "__init__.py"
        if file.is_file():
            return end == len(parts) or re.search(rf"\b{parts[end]}\b", file.read_text()) is not None
    return False
