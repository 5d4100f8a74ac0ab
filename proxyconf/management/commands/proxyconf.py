"""Render, check, import, patch and publish a proxy's accounting from the shell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from proxyconf.artefacts import LOCAL, Artefact, artefacts_of, zipped
from proxyconf.comparison import changes
from proxyconf.lint import Severity, check, grouped
from proxyconf.management import simulating
from proxyconf.management.config_files import read_config_files
from proxyconf.models import Profile, Proxy, Revision
from proxyconf.models.imported import (
    RawFile,
    imported_files,
    patchable_files,
    readable_files,
    script_facts,
    store_imported,
)
from proxyconf.models.profile import profile_of, save_profile
from proxyconf.models.revision import latest_revision, publish
from proxyconf.parse import Imported, parse_files, shown_text
from proxyconf.patch import make_patch
from proxyconf.profile import AccountingProfile
from proxyconf.script_facts import ScriptFacts
from proxyconf.vocabulary.products import Product, Version

_USAGE = 2


class Command(BaseCommand):
    help = "Render, check, import or publish what a proxy shall account."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="render|check|import|patch|publish|simulate"
        )
        render = actions.add_parser("render", help="write the generated files")
        render.add_argument("proxy", metavar="PROXY")
        render.add_argument("--artefact", metavar="NAME", help="this file alone, to standard output")
        render.add_argument("--output", type=Path, metavar="PATH", help="all files: a folder, or a file named *.zip")
        render.add_argument("--revision", type=int, metavar="N", help="of this revision; without it, of the draft")
        render.add_argument(
            "--collector", default=LOCAL, metavar="HOST", help=f"where the proxy reaches accweb (default {LOCAL})"
        )
        render.add_argument("--show-secrets", action="store_true", help="show passwords on a terminal too")
        check = actions.add_parser("check", help="say what is wrong; exit status 1 on errors")
        check.add_argument("proxy", metavar="PROXY", nargs="?")
        check.add_argument("--file", metavar="CFG", help="check this configuration instead; - is standard input")
        check.add_argument("--product", help="of the file: openser, kamailio or opensips; guessed if not given")
        check.add_argument("--version", dest="release", help="of the file, like 5.6; guessed if not given")
        check.add_argument("--quiet", action="store_true", help="leave notes out; their number stays in the last line")
        take = actions.add_parser("import", help="make a configuration the draft of a proxy")
        take.add_argument("proxy", metavar="PROXY")
        take.add_argument(
            "files",
            metavar="FILE",
            nargs="+",
            help="kamailio.cfg or opensips.cfg, what it includes is read too if it stands in its folder; "
            "- is standard input",
        )
        take.add_argument("--dry-run", action="store_true", help="show what it says, change nothing")
        patch = actions.add_parser(
            "patch", help="write what makes a configuration do what the draft says, for patch -p1"
        )
        patch.add_argument("proxy", metavar="PROXY")
        patch.add_argument(
            "files", metavar="FILE", nargs="*", help="the configuration; without it, that which was imported last"
        )
        patch.add_argument("--show-secrets", action="store_true", help="show passwords on a terminal too")
        for one in (check, take, patch):
            one.add_argument("--define", action="append", default=[], metavar="NAME", help="as #!define NAME would")
        simulate = actions.add_parser("simulate", help="show what the proxy will write of a call, and the call of it")
        simulating.add_arguments(simulate)
        put = actions.add_parser("publish", help="make a revision of the draft")
        put.add_argument("proxy", metavar="PROXY")
        put.add_argument("--why", default="", help="kept with the revision")
        put.add_argument("--despite-errors", action="store_true", help="publish although the check finds errors")

    def handle(self, *, action: str, **options: Any) -> None:
        actions: dict[str, Callable[..., None]] = {
            "render": self._render,
            "check": self._check,
            "import": self._import,
            "patch": self._patch,
            "publish": self._publish,
            "simulate": self._simulate,
        }
        actions[action](**options)

    def _render(
        self,
        *,
        proxy: str,
        artefact: str | None,
        output: Path | None,
        revision: int | None,
        collector: str,
        show_secrets: bool,
        **_: Any,
    ) -> None:
        found = _proxy(proxy)
        value = _revision(found, revision).value if revision is not None else profile_of(_draft(found))
        if output is None and self.stdout.isatty() and not show_secrets:
            value = value.masked()
        files = _files(value, collector)
        if artefact is not None:
            wanted = next((one for one in files if one.name == artefact), None)
            if wanted is None:
                names = ", ".join(one.name for one in files)
                raise CommandError(f"--artefact: there is no {artefact!r}; there are {names}", returncode=_USAGE)
            self.stdout.write(wanted.text, ending="")
        elif output is None:
            for one in files:
                self.stdout.write(f"{one.name}\t{one.title}")
            self.stderr.write("add --artefact NAME for one of them, --output FOLDER or --output FILE.zip for all")
        else:
            self._write(found, output, files)

    def _write(self, proxy: Proxy, output: Path, files: list[Artefact]) -> None:
        try:
            if output.suffix == ".zip":
                output.write_bytes(zipped(files, proxy.name))
                output.chmod(0o640)  # it may hold the password of the database
            else:
                for one in files:
                    target = output / one.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(one.text, encoding="utf-8")
                    target.chmod(0o640)
        except OSError as error:
            raise CommandError(f"--output: {error}", returncode=_USAGE) from error
        self.stdout.write(f"wrote {len(files)} files to {output}")

    def _check(self, *, proxy: str | None, file: str | None, **options: Any) -> None:
        if (proxy is None) == (file is None):
            raise CommandError("name a PROXY, or a configuration with --file CFG", returncode=_USAGE)
        if file is None:
            target = _proxy(str(proxy))
            value, facts = profile_of(_draft(target)), script_facts(target)
        else:
            found = _parsed(_read([file]), options["product"], options["release"], options["define"])
            value, facts = found.profile, found.facts
            self.stdout.write(f"{file}: read as {value.product.label} {value.version}")
            self._say_unclear(found)
        errors = self._say_findings(value, facts, quiet=options["quiet"])
        if errors:
            sys.exit(1)

    def _import(self, *, proxy: str, files: list[str], define: list[str], dry_run: bool, **_: Any) -> None:
        target = _proxy(proxy)
        file, raw = files[0], _read(files, f"{target.product}.cfg")
        found = _parsed(raw, target.product, target.version, define)
        if not found.profile.backends:
            raise CommandError(f"{file}: no accounting is set up in this text; nothing was changed")
        before = Profile.objects.filter(proxy=target).first()
        current = profile_of(before) if before else AccountingProfile(found.profile.product, found.profile.version, ())
        for one in changes(current, found.profile):
            self.stdout.write(f"{one.what}: {one.before or '-'} -> {one.after or '-'}")
        self._say_unclear(found)
        self._say_findings(found.profile, found.facts)
        if dry_run:
            self.stdout.write("nothing was changed (--dry-run)")
        else:
            save_profile(target, found.profile, found.flags_elsewhere)
            store_imported(target, raw, define)
            self.stdout.write(
                f"the draft of {target} is what {file} says; publish it: manage.py proxyconf publish {target}"
            )

    def _patch(self, *, proxy: str, files: list[str], define: list[str], show_secrets: bool, **_: Any) -> None:
        target = _proxy(proxy)
        value = profile_of(_draft(target))
        raw, defines = (_read(files, f"{target.product}.cfg"), define) if files else imported_files(target)
        if not raw:
            how = f"name its files, or import them: manage.py proxyconf import {target} FILE"
            raise CommandError(f"no configuration of {target} was imported; {how}", returncode=_USAGE)
        made = make_patch(patchable_files(raw), value, [*defines, *define])
        if self.stdout.isatty() and not show_secrets:
            self.stdout.write("".join(shown_text(line) + "\n" for line in made.text.splitlines()), ending="")
        else:
            self.stdout.write(made.text, ending="")
        for problem in made.problems:
            self.stderr.write(problem)
        if made.problems:
            sys.exit(1)

    def _publish(self, *, proxy: str, why: str, despite_errors: bool, **_: Any) -> None:
        target = _proxy(proxy)
        draft = _draft(target)
        errors = self._say_findings(profile_of(draft), script_facts(target))
        if errors and not despite_errors:
            raise CommandError(f"{errors} errors: repair them, or add --despite-errors")
        revision = publish(draft, by=None, why=why)
        self.stdout.write(f"published revision {revision.number} of {target}")

    def _simulate(self, *, proxy: str, **options: Any) -> None:
        simulating.run(self.stdout, _proxy(proxy), options)

    def _say_unclear(self, found: Imported) -> None:
        for remark in found.remarks:
            place = f"{remark.file} line {remark.line}" if remark.file else f"line {remark.line}"
            self.stdout.write(f"{place}: {remark.text}: {remark.why}")
        for choice in found.choices:
            taken = "taken as defined" if choice.defined else f"taken as not defined; else add --define {choice.name}"
            self.stdout.write(f"line {choice.line}: #!ifdef {choice.name}: {taken}")

    def _say_findings(self, profile: AccountingProfile, facts: ScriptFacts, *, quiet: bool = False) -> int:
        """Write the findings, notes of one rule as one, and their numbers; return how many are errors."""
        findings = check(profile.masked(), facts)
        for finding, others in grouped(findings):
            if quiet and finding.severity is Severity.NOTE:
                continue
            self.stdout.write(str(finding))
            if others:
                self.stdout.write(f"    also: {', '.join(other.place or 'profile' for other in others)}")
        counts = [f"{sum(one.severity is level for one in findings)} {level}s" for level in Severity]
        self.stdout.write(", ".join(counts) if findings else "nothing wrong was found")
        return sum(one.severity is Severity.ERROR for one in findings)


def _proxy(name: str) -> Proxy:
    found = Proxy.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"there is no proxy {name!r}; see: manage.py proxy list", returncode=_USAGE)
    return found


def _draft(proxy: Proxy) -> Profile:
    found = Profile.objects.filter(proxy=proxy).first()
    if found is None:
        how = f"manage.py proxyconf import {proxy} FILE"
        raise CommandError(f"{proxy} has no profile yet; make one in the browser, or {how}", returncode=_USAGE)
    return found


def _files(profile: AccountingProfile, collector: str) -> list[Artefact]:
    try:
        return artefacts_of(profile, collector)
    except ValueError as error:
        raise CommandError(f"--collector: {error}", returncode=_USAGE) from error


def _revision(proxy: Proxy, number: int) -> Revision:
    found = Revision.objects.filter(proxy=proxy, number=number).first()
    if found is None:
        last = latest_revision(proxy)
        known = f"the last is {last.number}" if last else "nothing was published yet"
        raise CommandError(f"--revision: {proxy} has no revision {number}; {known}", returncode=_USAGE)
    return found


def _read(names: list[str], standard_name: str = "proxy.cfg") -> list[RawFile]:
    try:
        return read_config_files(names, standard_name)
    except (OSError, ValueError) as error:
        raise CommandError(str(error), returncode=_USAGE) from error


def _parsed(files: Iterable[RawFile], product: str | None, version: str | None, defines: Iterable[str]) -> Imported:
    try:
        return parse_files(
            readable_files(files),
            product=Product(product) if product else None,
            version=Version.parse(version) if version else None,
            defines=defines,
        )
    except ValueError as error:
        raise CommandError(str(error), returncode=_USAGE) from error
