"""List, show and replay rejected input."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from accweb.web.audit import Action, record_command
from cdr.events import text_of
from cdr.management.proxies import named_proxy
from cdr.management.rejections import printable
from cdr.models import Rejected
from cdr.storage.replay import replay

_SHOWN = 100


class Command(BaseCommand):
    help = (
        "Show input that looks like accounting but could not be parsed, and re-parse it after a fix, for example of "
        "a proxy's layout, product or time zone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|replay")
        listing = actions.add_parser("list", help="list rejected input, newest first")
        replaying = actions.add_parser(
            "replay", help="re-parse rejected input; exit status 1 if some is still rejected"
        )
        for action in (listing, replaying):
            action.add_argument("--proxy", default="", metavar="NAME", help="only input of this proxy")
            action.add_argument("--source", default="", metavar="NAME", help="only input of sources with this name")
            action.add_argument("--format", default="", help="only input of this format")
        listing.add_argument("--all", action="store_true", help="also input that was re-parsed successfully")
        listing.add_argument("--limit", type=int, default=50, metavar="N", help="maximum number (default 50)")
        replaying.add_argument("ids", nargs="*", type=int, metavar="ID", help="ids shown by `list` (default: all)")
        showing = actions.add_parser("show", help="show one completely: the reason and the input")
        showing.add_argument("id", type=int, metavar="ID", help="its id, shown by `list`")
        showing.add_argument("--raw", action="store_true", help="write only the input, unchanged")

    def handle(self, *, action: str, **options: Any) -> None:
        match action:
            case "list":
                self._list(**options)
            case "show":
                self._show(**options)
            case "replay":
                self._replay(**options)

    def _list(self, *, limit: int, **options: Any) -> None:
        if limit < 1:
            raise CommandError(f"--limit {limit}: use a number of at least 1", returncode=2)
        selected = _selected(**options)
        for rejected in selected.select_related("source__proxy")[:limit]:
            start = printable(text_of(bytes(rejected.raw)[: 4 * _SHOWN]))[:_SHOWN]
            self.stdout.write(f"{_line(rejected)}  {printable(rejected.reason)}")
            self.stdout.write(f"    {start}")
        total = selected.count()
        if total > limit:
            self.stdout.write(f"{total - limit} more; see --limit")

    def _show(self, *, id: int, raw: bool, **options: Any) -> None:  # noqa: A002  # the name of the argument
        rejected = Rejected.objects.select_related("source__proxy").filter(pk=id).first()
        if rejected is None:
            raise CommandError(f"unknown rejected input {id}; list all with `manage.py rejected list --all`")
        content = bytes(rejected.raw)
        if raw:
            sys.stdout.buffer.write(content)
            return
        self.stdout.write(f"{_line(rejected)}\n{printable(rejected.reason)}\n")
        self.stdout.write("\n".join(map(printable, text_of(content).split("\n"))))

    def _replay(self, *, ids: list[int], **options: Any) -> None:
        selected = _selected(**options)
        if ids:
            missing = set(ids) - set(selected.filter(pk__in=ids).values_list("pk", flat=True))
            if missing:
                listed = ", ".join(map(str, sorted(missing)))
                raise CommandError(
                    f"rejected input {listed} is not pending; list pending input with `manage.py rejected list`"
                )
            selected = selected.filter(pk__in=ids)
        result = replay(selected)
        target = f"rejected input {', '.join(map(str, ids))}" if ids else "rejected input, all pending"
        conditions = {name: options[name] for name in ("proxy", "source", "format") if options[name]}
        record_command("rejected replay", Action.REPLAYED, target, **conditions, **result.as_dict())
        if not result.waited:
            self.stdout.write("no rejected input is pending")
            return
        self.stdout.write(
            f"{result.waited} re-parsed: {result.taken} accepted ({result.events} new events), {result.ignored} not "
            f"accounting, {result.failing} still rejected"
        )
        if result.failing:
            sys.exit(1)


def _selected(
    *,
    proxy: str,
    source: str,
    format: str,  # noqa: A002  # the name of the option
    all: bool = False,  # noqa: A002  # the name of the option
    **options: Any,
) -> QuerySet[Rejected]:
    selected = Rejected.objects.order_by("-received_at", "-pk")
    if not all:
        selected = selected.filter(replayed_at=None)
    if proxy:
        selected = selected.filter(source__proxy=named_proxy(proxy))
    if source:
        selected = selected.filter(source__name=source)
    return selected.filter(format=format) if format else selected


def _line(rejected: Rejected) -> str:
    state = "" if rejected.replayed_at is None else f"  parsed {rejected.replayed_at:%Y-%m-%dT%H:%M:%SZ}"
    return f"{rejected.pk}  {rejected.received_at:%Y-%m-%dT%H:%M:%SZ}  {rejected.source}  {rejected.format}{state}"
