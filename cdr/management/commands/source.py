"""Add and list the ways in which events of a proxy arrive."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdr.management.proxies import named_proxy
from cdr.models import Source


class Command(BaseCommand):
    help = "Add a source of events, or list the sources with what came through them."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="add|list")
        kinds = "; ".join(f"{kind.value}: {kind.label}" for kind in Source.Kind)
        add = actions.add_parser("add", help="add a source")
        add.add_argument("--proxy", required=True, metavar="NAME", help="the proxy whose events arrive")
        add.add_argument("--kind", required=True, help=kinds)
        add.add_argument("--name", default="", help="what to call it (default: its kind)")
        actions.add_parser("list", help="list the sources")

    def handle(self, *, action: str, **options: Any) -> None:
        if action == "add":
            self._add(**options)
        else:
            self._list()

    def _add(self, *, proxy: str, kind: str, name: str, **_: Any) -> None:
        if kind not in Source.Kind.values:
            raise CommandError(f"no kind {kind!r}; use {' or '.join(Source.Kind.values)}", returncode=2)
        source = Source(proxy=named_proxy(proxy), kind=kind, name=name or kind)
        try:
            source.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from error
        source.save()
        self.stdout.write(f"added {source}")

    def _list(self) -> None:
        sources = list(Source.objects.select_related("proxy").order_by("proxy__name", "name"))
        for source in sources:
            self.stdout.write(_line(source))
        if not sources:
            self.stderr.write("no source yet; add one: manage.py source add --proxy NAME --kind mirror")


def _line(source: Source) -> str:
    last = f"{source.last_received_at:%Y-%m-%dT%H:%M:%SZ}" if source.last_received_at else "never"
    about = (
        str(source),
        source.kind,
        "" if source.enabled else "disabled",
        f"{source.events} events",
        f"{source.duplicates} duplicates",
        f"{source.rejected} rejected",
        f"{source.ignored} ignored",
        f"last received {last}",
        f"error: {source.error.splitlines()[0]}" if source.error.strip() else "",
    )
    return "  ".join(filter(None, about))
