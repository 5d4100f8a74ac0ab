"""Add and list proxies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accweb.web.audit import Action, record_command
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
            "--product", help="openser, kamailio or opensips; default: guessed from the configuration, else kamailio"
        )
        add.add_argument(
            "--version", dest="release", help="such as 5.6; default: guessed from the configuration, else 5.6"
        )
        add.add_argument(
            "--timezone",
            default="UTC",
            metavar="ZONE",
            help="time zone of its clock, such as Europe/Berlin (default UTC); its SQL rows contain no time zone",
        )
        add.add_argument("--cluster", default="", help="proxies of a cluster report parts of the same calls")
        add.add_argument(
            "--max-call", default="4h", metavar="SPAN", help="longest plausible call duration: 4h (default), 90m"
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
            help="its configuration file, which defines the logged fields and becomes the draft under Configuration",
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
            raise CommandError(f"proxy {name!r} already exists; change it in the browser, under Proxies")
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
            record_command("proxy add", Action.ADDED, f"proxy {proxy}")
            self.stdout.write(f"added {_line(proxy)}")
        else:
            raw = _read(acc_cfg)
            self._add_configured(proxy, acc_cfg, raw, _imported(acc_cfg, raw, product, release))

    def _add_configured(self, proxy: Proxy, file: Path, raw: list[RawFile], imported: Imported) -> None:
        """Store a proxy with the field layout of its configuration, and the configuration as its draft."""
        proxy.product, proxy.version = imported.profile.product, str(imported.profile.version)
        proxy.layout = layout_of(imported.profile).to_json()
        with transaction.atomic():
            proxy.save()
            save_profile(proxy, imported.profile, imported.flags_elsewhere)
            store_imported(proxy, raw, ())
            record_command("proxy add", Action.ADDED, f"proxy {proxy}", configuration=str(file))
        self.stdout.write(f"added {_line(proxy)}")
        self.stdout.write("its configuration was imported as the draft, under Configuration in the browser")
        if imported.remarks or imported.choices:
            self.stdout.write(f"parts of it are unclear; see: manage.py proxyconf import {proxy} {file} --dry-run")

    def _list(self) -> None:
        proxies = list(Proxy.objects.order_by("name"))
        for proxy in proxies:
            self.stdout.write(_line(proxy))
        if not proxies:
            self.stderr.write("there are no proxies; add one: manage.py proxy add NAME --timezone ZONE")


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
