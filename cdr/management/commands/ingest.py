"""Store events from files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from cdr.events import Unparsable
from cdr.formats.framing import looks_like_log
from cdr.formats.headings import unreadable_table
from cdr.formats.registry import FORMATS, detect
from cdr.formats.sql_dump import is_dump
from cdr.management.proxies import named_proxy
from cdr.management.rejections import Reasons
from cdr.models import Source
from cdr.receivers.input_files import STDIN, Input, open_input, size_of
from cdr.storage.ingest import IngestCounts, reading_of, store

AUTO = "auto"


class Command(BaseCommand):
    help = (
        "Store the accounting events of files, each event only once. The command `correlate` creates their calls; "
        "`up` and `collect` do so automatically."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--proxy", required=True, metavar="NAME", help="the proxy that wrote the files")
        parser.add_argument("--format", default=AUTO, help=f"{AUTO} (default), {', '.join(FORMATS)}")
        parser.add_argument("--json", action="store_true", help="print the counts as a JSON object")
        parser.add_argument("files", nargs="+", metavar="FILE", help="- is standard input; gzip is decompressed")

    def handle(
        self,
        *,
        proxy: str,
        format: str,  # noqa: A002
        json: bool,
        files: Sequence[str],
        **options: Any,
    ) -> None:
        if format != AUTO and format not in FORMATS:
            raise CommandError(f"unknown format {format!r}; use {AUTO} or one of {', '.join(FORMATS)}", returncode=2)
        source, _ = Source.objects.get_or_create(
            proxy=named_proxy(proxy), name="import", defaults={"kind": Source.Kind.IMPORT}
        )
        total, failed = IngestCounts(), 0
        for name in files:
            reasons = Reasons()
            counts, problem = _take(source, name, format, reasons)
            total += counts
            if problem:
                failed += 1
                self.stderr.write(f"{name}: {problem}")
            elif counts.read and counts.ignored == counts.read:
                self.stderr.write(f"{name}: no accounting found; check --format if there should be some")
            for line in reasons.lines():
                self.stderr.write(f"{name}: {line}")
        self.stdout.write(_json_of(total) if json else _sentence(total))
        if failed or total.rejected:
            sys.exit(1 if failed < len(files) or total.read else 2)


def _take(source: Source, name: str, chosen_format: str, reasons: Reasons) -> tuple[IngestCounts, str]:
    """Store the events of one input; return the counts, and the problem if not all of it could be stored."""
    try:
        with _bar(name) as bar, open_input(name, bar.update) as opened:
            if not opened.head and not opened.damage:
                return IngestCounts(), "the file is empty"
            format_name = detect(opened.head, name) if chosen_format == AUTO else chosen_format
            now = timezone.now()
            parsed = FORMATS[format_name](opened.stream, reading_of(source.proxy, now))
            counts = store(source, reasons.counted(parsed), format=format_name, received_at=now)
            return counts, _problem(opened, counts, chosen_format)
    except OSError as error:
        return IngestCounts(), f"{error.strerror or error}; nothing was stored"
    except Unparsable as error:  # a table whose heading lacks what every row needs
        return IngestCounts(), f"{error}; not taken"


def _problem(opened: Input, counts: IngestCounts, chosen_format: str) -> str:
    if opened.damage:
        return f"damaged or cut off after {counts.read} records, which were stored ({opened.damage})"
    if counts.events or counts.duplicates or counts.rejected:
        return ""
    if b"\0" in opened.head:
        return "binary data without accounting; is it the right file?"
    if chosen_format != AUTO:
        return ""
    why = unreadable_table(opened.head)
    if why or looks_like_log(opened.head) or is_dump(opened.head) or not counts.read:
        return why
    return (
        "no accounting found in an unknown format: no log lines, table, dump, RADIUS detail or JSON; set --format if "
        "it is one of these"
    )


def _bar(name: str) -> tqdm:
    """Return a progress bar, which is only shown on a terminal."""
    return tqdm(
        total=size_of(name),
        desc="standard input" if name == STDIN else Path(name).name,
        unit="B",
        unit_scale=True,
        leave=False,
        disable=not sys.stderr.isatty(),
    )


def _json_of(counts: IngestCounts) -> str:
    return json.dumps(counts.as_dict())


def _sentence(counts: IngestCounts) -> str:
    text = (
        f"read {counts.read} records: {counts.events} new events, {counts.duplicates} duplicates, "
        f"{counts.rejected} rejected, {counts.ignored} not accounting"
    )
    if counts.rejected:
        text += "; `manage.py rejected list` and the page Rejected input show them"
    if counts.events:
        text += "; `manage.py correlate` creates their calls (`up` and `collect` do it automatically)"
    return text
