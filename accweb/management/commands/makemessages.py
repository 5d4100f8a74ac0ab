"""Extract the texts to translate, including those in the table of parameters."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

from django.core.management.commands import makemessages

_TABLE = "parameters.csv"
_WORDS = re.compile(r"[^$:]*[a-z]{4}[^$:]*")  # not syntax such as name=$pv or driver://user:pw@host/db


class TableOrSource(makemessages.BuildFile):
    """A file to extract texts from; for xgettext a table is converted to calls that mark its sentences."""

    def preprocess(self) -> None:
        if not self.path.endswith(".csv"):
            super().preprocess()
            return
        texts = _sentences(Path(self.path)) if self.translatable.file == _TABLE else {}
        Path(self.work_path).write_text("".join(f"gettext_noop({text!r})\n" for text in texts), encoding="utf-8")


def _sentences(path: Path) -> dict[str, None]:
    texts: dict[str, None] = {}
    with path.open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            texts[row["meaning"]] = None
            if _WORDS.fullmatch(row["allowed"]):
                texts[row["allowed"]] = None
    return texts


class Command(makemessages.Command):
    build_file_class = TableOrSource

    def handle(self, *args: Any, **options: Any) -> None:
        options["extensions"] = options["extensions"] or ["html", "txt", "py", "csv"]
        super().handle(*args, **options)
