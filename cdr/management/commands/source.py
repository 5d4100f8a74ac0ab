"""Manage sources."""

from __future__ import annotations

import getpass
import secrets
import sys
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import ProtectedError
from django.utils import timezone
from tqdm import tqdm

from accweb.web.audit import Action, record_command
from cdr.events import Unparsable
from cdr.management.proxies import named_proxy
from cdr.models import Event, Receiver, Rejected, Source
from cdr.models.source import deletes_more, missing_senders, secrets_to_enter_again
from cdr.receivers.database_service import rows_to_delete
from cdr.sources import KINDS
from cdr.sources.setting import Secret, SettingsError
from cdr.storage.replay import Replayed, replay
from cdr.storage.reread import CannotReread, RereadCounts, reread

_BAR = "{percentage:3.0f}% |{bar}| {elapsed}<{remaining}"
_SET = "a setting of the kind (see `source kinds`); the value - of a secret prompts for it or reads it from stdin"


_YES = "with move=yes: delete rows once they are read, without asking"


class Command(BaseCommand):
    help = "Add, change, show and remove sources of events. Running receivers apply changes within seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="add|list|kinds|show|set|enable|disable|remove|replay|reread"
        )
        kinds = "; ".join(f"{kind.value}: {kind.label}" for kind in Source.Kind)
        add = actions.add_parser("add", help="add a source")
        add.add_argument("--proxy", required=True, metavar="NAME", help="the proxy whose events arrive")
        add.add_argument("--kind", required=True, help=kinds)
        add.add_argument("--name", default="", help="name of the source (default: its kind)")
        add.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE", dest="assignments", help=_SET)
        add.add_argument("--yes", action="store_true", help=_YES)
        actions.add_parser("list", help="list the sources with their counters")
        actions.add_parser("kinds", help="list the kinds of sources and their settings")
        change = actions.add_parser("set", help="change settings of a source")
        change.add_argument("source", metavar="PROXY/NAME")
        change.add_argument(
            "assignments", nargs="+", metavar="SETTING=VALUE", help=f"{_SET}; an empty value restores the default"
        )
        change.add_argument("--yes", action="store_true", help=_YES)
        for action, what in (
            ("show", "show the settings and receivers of a source"),
            ("enable", "enable a source"),
            ("disable", "disable a source"),
            ("remove", "remove a source without events"),
        ):
            actions.add_parser(action, help=what).add_argument("source", metavar="PROXY/NAME")
        again = actions.add_parser("replay", help="re-parse rejected input after a fix")
        again.add_argument("replayed", metavar="PROXY[/NAME]", help="a source, or all sources of a proxy")
        again = actions.add_parser(
            "reread",
            help="re-parse the raw input of stored events after the zone, layout or product of a proxy was corrected; "
            "their calls are correlated again, with changes as revisions",
        )
        again.add_argument("of", metavar="PROXY[/NAME]", help="all events of a proxy, or those of one source")

    def handle(self, *, action: str, **options: Any) -> None:
        match action:
            case "add":
                self._add(**options)
            case "list":
                self._list()
            case "kinds":
                self._kinds()
            case "set":
                self._set(_named(options["source"]), options["assignments"], yes=options["yes"])
            case "show":
                self._show(_named(options["source"]))
            case "enable" | "disable":
                source = _named(options["source"])
                source.enabled = action == "enable"
                source.save(update_fields=["enabled"])
                record_command(f"source {action}", Action.CHANGED, f"source {source}", enabled=source.enabled)
                self.stdout.write(f"{action}d {source}")
            case "remove":
                self._remove(_named(options["source"]))
            case "reread":
                self._reread(options["of"])
            case "replay":
                self._replay(options["replayed"])

    def _add(self, *, proxy: str, kind: str, name: str, assignments: Sequence[str], yes: bool, **_: Any) -> None:
        if kind not in Source.Kind.values:
            raise CommandError(f"unknown kind {kind!r}; use {' or '.join(Source.Kind.values)}", returncode=2)
        source = Source(proxy=named_proxy(proxy), kind=kind, name=name or kind)
        settings, token = _settings(kind, assignments), ""
        if kind == Source.Kind.HTTP and "token" not in settings:
            settings["token"] = token = secrets.token_urlsafe(32)
        self._save(source, settings, yes=yes)
        record_command("source add", Action.ADDED, f"source {source}", kind=kind, settings=sorted(settings))
        self.stdout.write(f"added {source}")
        if token:
            self.stdout.write(f"copy its token, it is not shown again: {token}")

    def _set(self, source: Source, assignments: Sequence[str], *, yes: bool) -> None:
        entered = _settings(source.kind, assignments)
        changed = {name: value for name, value in {**source.settings, **entered}.items() if value != ""}
        if secrets_missing := secrets_to_enter_again(source.kind, source.settings, changed, entered):
            raise CommandError(
                f"the stored {secrets_missing[0]} would go to another server; enter it again: {secrets_missing[0]}=-",
                returncode=2,
            )
        self._save(source, changed, yes=yes)
        record_command("source set", Action.CHANGED, f"source {source}", settings=sorted(entered))
        self.stdout.write(f"changed {source}")

    def _save(self, source: Source, settings: dict[str, Any], *, yes: bool) -> None:
        before, source.settings = source.settings, settings
        try:
            source.full_clean()
            source.parsed_settings()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from error
        except SettingsError as error:
            raise CommandError(str(error), returncode=2) from error
        if name := missing_senders(source.kind, source.settings, source.proxy):
            raise CommandError(
                f"{name}: the allowed senders are unknown; set addresses, such as --set {name}=192.0.2.10, or give the "
                f"proxy its addresses; {name}=0.0.0.0/0,::/0 accepts everybody",
                returncode=2,
            )
        if deletes_more(source.kind, before, settings) and not yes:
            self._confirm_deletion(source)
        source.save()

    def _confirm_deletion(self, source: Source) -> None:
        """Show which rows would be deleted, and ask; where nobody can be asked, the answer is no."""
        try:
            rows = rows_to_delete(source)
        except (LookupError, OSError, ValueError, Unparsable) as error:
            raise CommandError(
                f"move: what would be deleted cannot be told: {error}; save without move=yes first"
            ) from error
        shown = ", ".join(f"{name} ({count})" for name, count in rows.items())
        said = f"rows of these tables of {source.settings['database']} would be deleted once they are read: {shown}"
        if not sys.stdin.isatty():
            raise CommandError(f"{said}; add --yes to go ahead", returncode=2)
        if input(f"{said}. Go ahead? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("nothing was changed")

    def _reread(self, of: str) -> None:
        conditions = {"source": _named(of)} if "/" in of else {"proxy": named_proxy(of)}
        with tqdm(total=100.0, unit="%", leave=False, disable=not sys.stderr.isatty(), bar_format=_BAR) as bar:

            def show(counts: RereadCounts, share: float) -> None:
                bar.update(100 * share - bar.n)

            try:
                counts = reread(Event.objects.filter(**conditions), on_progress=show)
            except CannotReread as error:
                raise CommandError(
                    f"{error}; events re-parsed so far are stored; fix the problem and run the command again"
                ) from None
        record_command("source reread", Action.CHANGED, f"events of {of}", read=counts.read, replaced=counts.replaced)
        self.stdout.write(
            f"re-parsed {counts.read} events: {counts.replaced} replaced, {counts.merged} merged, {counts.same} "
            f"unchanged, {counts.unreadable} kept because their raw input cannot be parsed"
        )
        if counts.replaced or counts.merged:
            self.stdout.write("`manage.py correlate` updates their calls (`up` and `collect` do it automatically)")

    def _remove(self, source: Source) -> None:
        try:
            source.delete()
        except ProtectedError:
            raise CommandError(f"{source} has events and cannot be removed; disable it instead") from None
        record_command("source remove", Action.DELETED, f"source {source}")
        self.stdout.write(f"removed {source}")

    def _replay(self, name: str) -> None:
        sources = [_named(name)] if "/" in name else list(Source.objects.filter(proxy=named_proxy(name)))
        for source in sources:
            with tqdm(desc=str(source), unit=" records", leave=False, disable=not sys.stderr.isatty()) as bar:
                rejected = Rejected.objects.filter(source=source)
                result = replay(rejected, on_progress=lambda so_far: bar.update(so_far.waited - bar.n))
            record_command("source replay", Action.REPLAYED, f"rejected input of {source}", **result.as_dict())
            self.stdout.write(f"{source}: {_sentence(result)}")
        if not sources:
            self.stderr.write(f"{name} has no source")

    def _list(self) -> None:
        sources = list(Source.objects.select_related("proxy").order_by("proxy__name", "name"))
        for source in sources:
            self.stdout.write(_line(source))
        if not sources:
            self.stderr.write(
                "no sources yet; add one: manage.py source add --proxy NAME --kind KIND (see `source kinds`)"
            )

    def _kinds(self) -> None:
        for kind in Source.Kind:
            self.stdout.write(f"{kind.value}: {kind.label}")
            settings = KINDS[kind]
            for name, setting in settings.declared().items():
                default = settings.default(name)
                none = default in ("", Secret())
                shown = "required" if default is None else "" if none else f"default {_plain(default)}"
                self.stdout.write(f"  {name}: {setting.help}" + (f" ({shown})" if shown else ""))

    def _show(self, source: Source) -> None:
        self.stdout.write(_line(source))
        for name in KINDS[source.kind].declared():
            if name in source.settings:
                self.stdout.write(f"  {name}={_plain(source.settings[name])}")
        for receiver in Receiver.objects.filter(source=source).order_by("host"):
            self.stdout.write(f"  on {receiver.host}: {receiver.summary(timezone.now())}")


def _named(text: str) -> Source:
    proxy, _, name = text.partition("/")
    source = Source.objects.select_related("proxy").filter(proxy__name=proxy, name=name).first()
    if source is None:
        raise CommandError(f"unknown source {text!r}; list the sources with `manage.py source list`", returncode=2)
    return source


def _settings(kind: str, assignments: Sequence[str]) -> dict[str, Any]:
    """Return the settings of ``SETTING=VALUE`` arguments."""
    declared = KINDS[kind].declared()
    settings: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise CommandError(f"{assignment!r} does not have the form SETTING=VALUE", returncode=2)
        if name in declared and declared[name].secret and value == "-":
            value = getpass.getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        settings[name] = value
    return settings


def _line(source: Source) -> str:
    last = f"{source.last_received_at:%Y-%m-%dT%H:%M:%SZ}" if source.last_received_at else "never"
    parts = (
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
    return "  ".join(filter(None, parts))


def _sentence(result: Replayed) -> str:
    if not result.waited:
        return "no rejected input is pending"
    text = (
        f"{result.waited} re-parsed: {result.taken} accepted ({result.events} new events), {result.ignored} not "
        f"accounting, {result.failing} still rejected"
    )
    return f"{text}; `manage.py rejected list` shows why" if result.failing else text


def _plain(value: Any) -> str:
    match value:
        case {"sealed": _}:
            return "(secret)"
        case tuple() if type(value) is tuple:
            return ", ".join(map(str, value)) or "none"
        case list():
            return ", ".join(map(str, value)) or "none"
        case bool():
            return "yes" if value else "no"
    return str(value)
