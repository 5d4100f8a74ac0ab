"""Give calls to other programs."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from tqdm import tqdm

from cdr.export import FORMATS, Record, records
from cdr.filters import CallFilter, parse_moment
from cdr.models import Call
from proxyconf.vocabulary.spans import parse_span


class SupportsWrite(Protocol):
    def write(self, text: str, /) -> object: ...


_MOMENTS = ("since", "until")
_HELP = {
    "period": "start of the call: all, 1h, 24h or 7d back from now",
    "since": "start of the call at or after: 2026-05-01, 2026-05-01T14:30Z, or 24h for so long ago",
    "until": "start of the call before; a date includes that day",
    "state": "setup, ongoing, completed, stop_missing, start_missing, unanswered; may be repeated",
    "outcome": "answered, busy, no_answer, cancelled…; may be repeated",
    "caller": "any part of it; with * for the parts that do not matter, the whole",
    "callee": "as --caller",
    "call_id": "the whole Call-ID, or a part with *",
    "flag": "late_stop, clock_skew…; may be repeated",
    "proxy": "seen by this proxy",
}


class Command(BaseCommand):
    help = (
        "Write calls, oldest first, as JSON Lines or CSV. Memory stays constant. Conditions narrow each other; values "
        "of a repeated one are alternatives; times without a zone are UTC. In CSV, text that a spreadsheet would take "
        "for a formula begins with an apostrophe."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["calls"], help="calls")
        parser.add_argument("--format", default="jsonl", help=" or ".join(FORMATS))
        parser.add_argument("--output", type=Path, metavar="FILE", help="where to (default: standard output)")
        for name in CallFilter.base_filters:
            if name != "superseded":
                option = f"--{name.replace('_', '-')}"
                parser.add_argument(option, action="append", default=[], metavar="VALUE", help=_HELP.get(name))
        parser.add_argument(
            "--updated-after",
            action="append",
            default=[],
            metavar="VALUE",
            help="calls made or changed at this moment or later, in the order of change, superseded ones included",
        )
        parser.add_argument(
            "--include-superseded", action="store_true", help="also calls that turned out to be part of another"
        )

    def handle(
        self,
        *,
        format: str,  # noqa: A002
        output: Path | None,
        updated_after: list[str],
        **options: Any,
    ) -> None:
        if format not in FORMATS:
            raise CommandError(f"no format {format!r}; use {' or '.join(FORMATS)}", returncode=2)
        now = timezone.now()
        calls = _asked(options, now, include_superseded=options["include_superseded"] or bool(updated_after))
        if updated_after:
            calls = calls.filter(updated_at__gte=_changed_since(updated_after[-1], now)).order_by("updated_at", "id")
        with _opened(output, self.stdout) as out:
            for line in FORMATS[format](_counted(records(calls))):
                out.write(line)


def _asked(options: dict[str, Any], now: datetime, *, include_superseded: bool) -> QuerySet[Call]:
    """Return the calls that the options ask for, by the filter that the pages use."""
    asked = QueryDict(mutable=True)
    for name in CallFilter.base_filters:
        values: list[str] = options.get(name, [])
        asked.setlist(name, [_absolute(value, now) for value in values] if name in _MOMENTS else values)
    if include_superseded:
        asked["superseded"] = "1"
    found = CallFilter(asked, Call.objects.order_by("started_at", "id"), now=now)
    for name, problems in found.form.errors.items():
        option = f"--{name.replace('_', '-')}"
        raise CommandError(f"{option}: {' '.join(map(str, problems))}", returncode=2)
    calls: QuerySet[Call] = found.qs
    return calls


def _absolute(value: str, now: datetime) -> str:
    """Return the moment that lies a span (``24h``) before ``now``; any other text as it is."""
    try:
        return (now - parse_span(value)).isoformat()
    except (ValueError, OverflowError):
        return value


def _changed_since(value: str, now: datetime) -> datetime:
    try:
        return parse_moment(_absolute(value, now))
    except ValueError as error:
        raise CommandError(
            f"--updated-after: {value!r} is no moment; write it like 2026-05-31T14:30:00Z or 24h", returncode=2
        ) from error


@contextmanager
def _opened(output: Path | None, stdout: OutputWrapper) -> Iterator[SupportsWrite]:
    """Open where to write to. A reader that goes away (``| head``) ends the command without a word, status 1."""
    if output is not None:
        try:
            with output.open("w", encoding="utf-8", newline="") as file:
                yield file
        except OSError as error:
            raise CommandError(f"--output: {error}", returncode=2) from error
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    try:
        yield stdout
        stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        sys.exit(1)


def _counted(found: Iterator[Record]) -> Iterator[Record]:
    """Show progress on a terminal, unless the calls themselves go there."""
    quiet = sys.stdout.isatty() or not sys.stderr.isatty()
    progress: Iterator[Record] = iter(tqdm(found, unit=" calls", disable=quiet))
    return progress
