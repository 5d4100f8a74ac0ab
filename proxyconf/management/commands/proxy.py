"""Add and list the proxies that report to us."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from proxyconf.management.config_files import read_config_files
from proxyconf.models import Proxy
from proxyconf.models.imported import RawFile, readable_files, store_imported
from proxyconf.models.profile import save_profile
from proxyconf.parse import Imported, parse_files, with_accounting
from proxyconf.profile import USUAL_VERSION
from proxyconf.profile_layout import layout_of
from proxyconf.vocabulary.layout import FieldLayout
from proxyconf.vocabulary.products import Product, Version
from proxyconf.vocabulary.spans import parse_span, span_text

_USAGE = 2


class Command(BaseCommand):
    help = "Add a proxy whose accounting is to be collected, or list the proxies."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="add|list")
        add = actions.add_parser("add", help="add a proxy")
        add.add_argument("name", metavar="NAME", help="letters, digits, dot, dash, underscore")
        add.add_argument(
            "--product", help="openser, kamailio or opensips; default: what its configuration tells, else kamailio"
        )
        add.add_argument(
            "--version", dest="release", help="like 5.6; default: one that its configuration is for, else 5.6"
        )
        add.add_argument(
            "--timezone",
            default="UTC",
            metavar="ZONE",
            help="zone of its local clock, like Europe/Berlin (default UTC): its SQL rows carry no zone of their own",
        )
        add.add_argument("--cluster", default="", help="proxies of one cluster see parts of the same calls")
        add.add_argument(
            "--max-call", default="4h", metavar="SPAN", help="longest plausible call: 4h (the default), 90m"
        )
        add.add_argument(
            "--address",
            action="append",
            default=[],
            metavar="ADDRESS",
            dest="addresses",
            help="address or network that it sends from (may be repeated): sources that listen accept no others",
        )
        add.add_argument(
            "--acc-cfg",
            type=Path,
            metavar="FILE",
            help="its configuration: tells what it logs, in which order, and becomes the draft under Configuration",
        )
        actions.add_parser("list", help="list the proxies")

    def handle(self, *, action: str, **options: Any) -> None:
        if action == "add":
            self._add(**options)
        else:
            self._list()

    def _add(
        self,
        *,
        name: str,
        product: str | None,
        release: str | None,
        timezone: str,
        cluster: str,
        max_call: str,
        addresses: Sequence[str],
        acc_cfg: Path | None,
        **_: Any,
    ) -> None:
        if Proxy.objects.filter(name=name).exists():
            raise CommandError(f"there is a proxy {name!r} already; change it in the browser, under Proxies")
        proxy = Proxy(
            name=name,
            product=product or Product.KAMAILIO,
            version=release or str(USUAL_VERSION),
            timezone=timezone,
            cluster=cluster,
            max_call=_span(max_call),
            addresses=", ".join(addresses),
            layout=FieldLayout().to_json(),
        )
        try:
            proxy.full_clean()
        except ValidationError as error:
            raise CommandError(_one_line(error), returncode=_USAGE) from error
        if acc_cfg is None:
            proxy.save()
            self.stdout.write(f"added {_line(proxy)}")
        else:
            raw = _read(acc_cfg)
            self._add_configured(proxy, acc_cfg, raw, _imported(acc_cfg, raw, product, release))

    def _add_configured(self, proxy: Proxy, file: Path, raw: list[RawFile], found: Imported) -> None:
        """Store a proxy that logs what its configuration says, which is the draft from now on."""
        proxy.product, proxy.version = found.profile.product, str(found.profile.version)
        proxy.layout = layout_of(found.profile).to_json()
        with transaction.atomic():
            proxy.save()
            save_profile(proxy, found.profile, found.flags_elsewhere)
            store_imported(proxy, raw, ())
        self.stdout.write(f"added {_line(proxy)}")
        self.stdout.write("what its configuration says is its draft, under Configuration in the browser")
        if found.remarks or found.choices:
            self.stdout.write(f"not all of it is clear; see: manage.py proxyconf import {proxy} {file} --dry-run")

    def _list(self) -> None:
        proxies = list(Proxy.objects.order_by("name"))
        for proxy in proxies:
            self.stdout.write(_line(proxy))
        if not proxies:
            self.stderr.write("no proxy yet; add one: manage.py proxy add NAME --timezone ZONE")


def _span(text: str) -> timedelta:
    try:
        span = parse_span(text)
    except ValueError as error:
        raise CommandError(f"--max-call: {error}", returncode=_USAGE) from error
    if not span:
        raise CommandError(f"--max-call: {text!r} is not a valid duration; use a span like 4h", returncode=_USAGE)
    return span


def _read(file: Path) -> list[RawFile]:
    try:
        return read_config_files([str(file)])
    except (OSError, ValueError) as error:
        raise CommandError(f"--acc-cfg: {error}", returncode=_USAGE) from error


def _imported(file: Path, raw: list[RawFile], product: str | None, release: str | None) -> Imported:
    try:
        imported = parse_files(
            readable_files(raw),
            product=Product(product) if product else None,
            version=Version.parse(release) if release else None,
        )
        return with_accounting(imported)
    except ValueError as error:
        raise CommandError(f"--acc-cfg: {file}: {error}", returncode=_USAGE) from error


def _one_line(error: ValidationError) -> str:
    return "; ".join(f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())


def _line(proxy: Proxy) -> str:
    layout = proxy.field_layout
    about: Sequence[str] = (
        proxy.name,
        f"{proxy.product} {proxy.version}",
        proxy.timezone,
        f"cluster {proxy.cluster}" if proxy.cluster else "",
        f"calls up to {span_text(proxy.max_call)}",
        *(f"{backend} extras {','.join(labels)}" for backend, labels in layout.extras.items() if labels),
        *(f"{backend} legs {','.join(labels)}" for backend, labels in layout.legs.items() if labels),
    )
    return "  ".join(filter(None, about))
