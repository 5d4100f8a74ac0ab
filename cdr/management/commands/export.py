"""Export calls."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from tqdm import tqdm

from accweb.web.audit import Action, record_command
from cdr.export import Record, records
from cdr.export.columns import FileShape
from cdr.export.formats import CONTRACT, FORMATS, Format
from cdr.export.sink import Sink
from cdr.export.snapshot import snapshot
from cdr.models import Call
from cdr.queries.conditions import (
    Alternatives,
)
from cdr.queries.filters import CallFilter
from cdr.queries.moments import parse_moment
from cdr.queries.names import EXTRA, NOT, old_parameters
from cdr.queries.visibility import Visibility
from proxyconf.vocabulary.spans import parse_span

_MOMENTS = ("since", "until")
_YES_NO: Mapping[str, str] = {"yes": "1", "no": "0"}
_HELP = {
    "period": "start of the call, days and months in UTC",
    "since": "calls that started at or after this time: 2026-05-01, 2026-05-01T14:30Z, or 24h for 24 hours ago",
    "until": "calls that started before this time; a date includes that day",
    "caller": "any part of the value, or the complete value with * as a wildcard",
    "callee": "like --caller",
    "call_id": "the complete Call-ID, or a part with *",
    "proxy": "calls that this proxy reported",
    "settled": "calls in state No STOP: whether their end was set manually",
}


class Command(BaseCommand):
    help = (
        "Write calls, oldest first, as JSON Lines, CSV, XLSX or Parquet, with constant memory. All conditions must "
        "match; values of a repeated condition are alternatives; times without a zone are UTC. In CSV, text that "
        "looks like a formula is prefixed with an apostrophe; XLSX and Parquet also have columns for an end set "
        "manually."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["calls"], help="calls")
        parser.add_argument("--format", default="jsonl", help=_one_of(FORMATS))
        parser.add_argument("--output", type=Path, metavar="FILE", help="output file (default: standard output)")
        for name in CallFilter.base_filters:
            if name != "superseded":
                options = [_option(name), *(_option(old) for old in old_parameters(name))]
                parser.add_argument(*options, dest=name, action="append", default=[], metavar="VALUE", help=_help(name))
        for option, what in (("--extra", "have"), ("--not-extra", "do not have")):
            parser.add_argument(
                option,
                action="append",
                default=[],
                metavar="LABEL=VALUE",
                help=f"calls that {what} this value in this extra field, with * as a wildcard",
            )
        parser.add_argument(
            "--updated-after",
            action="append",
            default=[],
            metavar="VALUE",
            help="calls created or changed at this time or later, in order of change, including superseded ones",
        )
        parser.add_argument(
            "--include-superseded", action="store_true", help="also calls that were merged into another call"
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
            raise CommandError(f"unknown format {format!r}; use {_one_of(FORMATS)}", returncode=2)
        chosen_format = FORMATS[format]
        if chosen_format.binary and output is None and sys.stdout.isatty():
            raise CommandError(
                f"{chosen_format.label} is a binary format; write it to a file with --output", returncode=2
            )
        now = timezone.now()
        calls = _matching_calls(options, now, include_superseded=options["include_superseded"] or bool(updated_after))
        if updated_after:
            calls = calls.filter(updated_at__gte=_changed_since(updated_after[-1], now)).order_by("updated_at", "id")
        shape = FileShape() if chosen_format.binary else CONTRACT
        conditions = {name: values for name, values in options.items() if values and name in CallFilter.base_filters}
        record_command("export", Action.EXPORTED, "calls", format=format, updated_after=updated_after, **conditions)
        with _opened(output, self.stdout, chosen_format) as sink, snapshot():
            chosen_format.write(_counted(records(calls)), sink, shape)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _one_of(names: Mapping[str, Any]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _choices(name: str) -> Mapping[str, Any]:
    """Return the possible values of a condition, if they can be listed."""
    return _YES_NO if name == "settled" else dict(CallFilter.base_filters[name].extra.get("choices", ()))


def _help(name: str) -> str:
    if name.startswith(NOT):
        return f"calls that do not match {_option(name.removeprefix(NOT))}"
    condition = CallFilter.base_filters[name]
    text = _HELP.get(name) or str(condition.extra.get("help_text", condition.label)).rstrip(".")
    if choices := _choices(name):
        text += f": {_one_of(choices)}"
    if isinstance(condition, Alternatives):
        text += "; may be repeated"
    return text.replace("%", "%%")


def _matching_calls(options: dict[str, Any], now: datetime, *, include_superseded: bool) -> QuerySet[Call]:
    """Return the calls that match the options, with the filter of the pages."""
    conditions = QueryDict(mutable=True)
    for name in CallFilter.base_filters:
        conditions.setlist(name, [_value(name, value, now) for value in options.get(name, [])])
    for option, prefix in (("extra", EXTRA), ("not_extra", NOT + EXTRA)):
        for pair in options.get(option, []):
            label, equals, value = pair.partition("=")
            if not label or not equals:
                raise CommandError(f"{_option(option)}: {pair!r} does not have the form LABEL=VALUE", returncode=2)
            conditions.appendlist(prefix + label, value)
    if include_superseded:
        conditions["superseded"] = "1"
    call_filter = CallFilter(conditions, Visibility(), now=now)
    for name, problems in call_filter.form.errors.as_data().items():
        for problem in problems:
            text = " ".join(problem.messages)
            if problem.code == "invalid_choice" and _choices(name):
                value = (problem.params or {}).get("value", conditions.get(name))
                text = f"{value!r} is unknown; use {_one_of(_choices(name))}"
            raise CommandError(f"{_option(name)}: {text}", returncode=2)
    calls: QuerySet[Call] = call_filter.qs
    return calls.order_by("started_at", "id")


def _value(name: str, value: str, now: datetime) -> str:
    if name == "settled":
        return _YES_NO.get(value, value)
    return _absolute(value, now) if name in _MOMENTS else value


def _absolute(value: str, now: datetime) -> str:
    """Return the time of a span (``24h``) before ``now``; any other text unchanged."""
    try:
        return (now - parse_span(value)).isoformat()
    except (ValueError, OverflowError):
        return value


def _changed_since(value: str, now: datetime) -> datetime:
    try:
        return parse_moment(_absolute(value, now))
    except ValueError as error:
        raise CommandError(
            f"--updated-after: {value!r} is not a valid time; write it like 2026-05-31T14:30:00Z or 24h", returncode=2
        ) from error


class _Text:
    """A sink for text that is written line by line."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out

    def write(self, data: bytes) -> object:
        return self._out.write(data.decode())

    def flush(self) -> None:
        self._out.flush()


@contextmanager
def _opened(output: Path | None, stdout: OutputWrapper, chosen_format: Format) -> Iterator[Sink]:
    """Open where to write to. A reader that goes away (``| head``) ends the command without a word, status 1."""
    if output is not None:
        try:
            with output.open("wb") as file:
                yield file
        except OSError as error:
            raise CommandError(f"--output: {error}", returncode=2) from error
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    sink: Sink = sys.stdout.buffer if chosen_format.binary else _Text(stdout)
    try:
        yield sink
        sink.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        sys.exit(1)


def _counted(exported: Iterator[Record]) -> Iterator[Record]:
    """Show progress on a terminal, unless the calls themselves go there."""
    quiet = sys.stdout.isatty() or not sys.stderr.isatty()
    progress: Iterator[Record] = iter(tqdm(exported, unit=" calls", disable=quiet))
    return progress
