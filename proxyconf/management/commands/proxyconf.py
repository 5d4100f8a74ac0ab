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
    help = "Render, check, import, patch, publish or simulate the accounting of a proxy."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="render|check|import|patch|publish|simulate"
        )
        render = actions.add_parser("render", help="write the generated files")
        render.add_argument("proxy", metavar="PROXY")
        render.add_argument("--artefact", metavar="NAME", help="write only this file, to standard output")
        render.add_argument(
            "--output", type=Path, metavar="PATH", help="write all files to this folder, or to a file named *.zip"
        )
        render.add_argument("--revision", type=int, metavar="N", help="number of the revision (default: the draft)")
        render.add_argument(
            "--collector", default=LOCAL, metavar="HOST", help=f"host of accweb as the proxy sees it (default {LOCAL})"
        )
        render.add_argument("--show-secrets", action="store_true", help="show passwords also on a terminal")
        check = actions.add_parser("check", help="check the draft or a file; exit status 1 on errors")
        check.add_argument("proxy", metavar="PROXY", nargs="?")
        check.add_argument("--file", metavar="CFG", help="check this configuration instead; - is standard input")
        check.add_argument("--product", help="product of the file: openser, kamailio or opensips (default: guessed)")
        check.add_argument("--version", dest="release", help="version of the file, such as 5.6 (default: guessed)")
        check.add_argument("--quiet", action="store_true", help="omit notes; the last line still counts them")
        import_ = actions.add_parser("import", help="import a configuration as the draft of a proxy")
        import_.add_argument("proxy", metavar="PROXY")
        import_.add_argument(
            "files",
            metavar="FILE",
            nargs="+",
            help="kamailio.cfg or opensips.cfg; files that it includes from its folder are read too; "
            "- is standard input",
        )
        import_.add_argument("--dry-run", action="store_true", help="show the result, change nothing")
        patch = actions.add_parser(
            "patch", help="write a patch (for patch -p1) that changes a configuration to match the draft"
        )
        patch.add_argument("proxy", metavar="PROXY")
        patch.add_argument("files", metavar="FILE", nargs="*", help="the configuration (default: the imported one)")
        patch.add_argument("--show-secrets", action="store_true", help="show passwords also on a terminal")
        for parser_with_defines in (check, import_, patch):
            parser_with_defines.add_argument(
                "--define", action="append", default=[], metavar="NAME", help="assume #!define NAME; may be repeated"
            )
        simulate = actions.add_parser("simulate", help="show the records that the proxy will write for a call")
        simulating.add_arguments(simulate)
        publish_ = actions.add_parser("publish", help="publish the draft as a revision")
        publish_.add_argument("proxy", metavar="PROXY")
        publish_.add_argument("--why", default="", help="reason, stored with the revision")
        publish_.add_argument("--despite-errors", action="store_true", help="publish even if the check finds errors")

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
        target = _proxy(proxy)
        value = _revision(target, revision).value if revision is not None else profile_of(_draft(target))
        if output is None and self.stdout.isatty() and not show_secrets:
            value = value.masked()
        files = _files(value, collector)
        if artefact is not None:
            texts = {file.name: file.text for file in files}
            if artefact not in texts:
                raise CommandError(
                    f"--artefact: no file {artefact!r}; use one of {', '.join(texts)}", returncode=_USAGE
                )
            self.stdout.write(texts[artefact], ending="")
        elif output is None:
            for file in files:
                self.stdout.write(f"{file.name}\t{file.title}")
            self.stderr.write("add --artefact NAME for one file, --output FOLDER or --output FILE.zip for all")
        else:
            self._write(target, output, files)

    def _write(self, proxy: Proxy, output: Path, files: list[Artefact]) -> None:
        try:
            if output.suffix == ".zip":
                output.write_bytes(zipped(files, proxy.name))
                output.chmod(0o640)  # it may contain the database password
            else:
                for file in files:
                    target = output / file.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(file.text, encoding="utf-8")
                    target.chmod(0o640)
        except OSError as error:
            raise CommandError(f"--output: {error}", returncode=_USAGE) from error
        self.stdout.write(f"wrote {len(files)} files to {output}")

    def _check(self, *, proxy: str | None, file: str | None, **options: Any) -> None:
        if (proxy is None) == (file is None):
            raise CommandError("specify either PROXY or --file CFG", returncode=_USAGE)
        if file is None:
            target = _proxy(str(proxy))
            value, facts = profile_of(_draft(target)), script_facts(target)
        else:
            imported = _parsed(_read([file]), options["product"], options["release"], options["define"])
            value, facts = imported.profile, imported.facts
            self.stdout.write(f"{file}: read as {value.product.label} {value.version}")
            self._write_remarks(imported)
        errors = self._write_findings(value, facts, quiet=options["quiet"])
        if errors:
            sys.exit(1)

    def _import(self, *, proxy: str, files: list[str], define: list[str], dry_run: bool, **_: Any) -> None:
        target = _proxy(proxy)
        file, raw = files[0], _read(files, f"{target.product}.cfg")
        imported = _parsed(raw, target.product, target.version, define)
        if not imported.profile.backends:
            raise CommandError(f"{file}: this configuration sets up no accounting; nothing was changed")
        before = Profile.objects.filter(proxy=target).first()
        current = (
            profile_of(before) if before else AccountingProfile(imported.profile.product, imported.profile.version, ())
        )
        for change in changes(current, imported.profile):
            self.stdout.write(f"{change.what}: {change.before or '-'} -> {change.after or '-'}")
        self._write_remarks(imported)
        self._write_findings(imported.profile, imported.facts)
        if dry_run:
            self.stdout.write("nothing was changed (--dry-run)")
        else:
            save_profile(target, imported.profile, imported.flags_elsewhere)
            store_imported(target, raw, define)
            self.stdout.write(
                f"imported {file} as the draft of {target}; publish it: manage.py proxyconf publish {target}"
            )

    def _patch(self, *, proxy: str, files: list[str], define: list[str], show_secrets: bool, **_: Any) -> None:
        target = _proxy(proxy)
        value = profile_of(_draft(target))
        raw, defines = (_read(files, f"{target.product}.cfg"), define) if files else imported_files(target)
        if not raw:
            remedy = f"specify its files, or import them: manage.py proxyconf import {target} FILE"
            raise CommandError(f"no configuration of {target} was imported; {remedy}", returncode=_USAGE)
        patch = make_patch(patchable_files(raw), value, [*defines, *define])
        if self.stdout.isatty() and not show_secrets:
            self.stdout.write("".join(shown_text(line) + "\n" for line in patch.text.splitlines()), ending="")
        else:
            self.stdout.write(patch.text, ending="")
        for problem in patch.problems:
            self.stderr.write(problem)
        if patch.problems:
            sys.exit(1)

    def _publish(self, *, proxy: str, why: str, despite_errors: bool, **_: Any) -> None:
        target = _proxy(proxy)
        draft = _draft(target)
        errors = self._write_findings(profile_of(draft), script_facts(target))
        if errors and not despite_errors:
            raise CommandError(f"{errors} errors; fix them, or add --despite-errors")
        revision = publish(draft, by=None, why=why)
        self.stdout.write(f"published revision {revision.number} of {target}")

    def _simulate(self, *, proxy: str, **options: Any) -> None:
        simulating.run(self.stdout, _proxy(proxy), options)

    def _write_remarks(self, imported: Imported) -> None:
        for remark in imported.remarks:
            place = f"{remark.file} line {remark.line}" if remark.file else f"line {remark.line}"
            self.stdout.write(f"{place}: {remark.text}: {remark.why}")
        for choice in imported.choices:
            assumption = (
                "assumed to be defined"
                if choice.defined
                else f"assumed not to be defined; if it is, add --define {choice.name}"
            )
            self.stdout.write(f"line {choice.line}: #!ifdef {choice.name}: {assumption}")

    def _write_findings(self, profile: AccountingProfile, facts: ScriptFacts, *, quiet: bool = False) -> int:
        """Write the findings, with the notes of a rule grouped, and their counts; return the number of errors."""
        findings = check(profile.masked(), facts)
        for finding, others in grouped(findings):
            if quiet and finding.severity is Severity.NOTE:
                continue
            self.stdout.write(str(finding))
            if others:
                self.stdout.write(f"    also: {', '.join(other.place or 'profile' for other in others)}")
        counts = {level: sum(finding.severity is level for finding in findings) for level in Severity}
        self.stdout.write(
            ", ".join(f"{count} {level}s" for level, count in counts.items()) if findings else "no problems"
        )
        return counts[Severity.ERROR]


def _proxy(name: str) -> Proxy:
    proxy = Proxy.objects.filter(name=name).first()
    if proxy is None:
        raise CommandError(f"there is no proxy {name!r}; see: manage.py proxy list", returncode=_USAGE)
    return proxy


def _draft(proxy: Proxy) -> Profile:
    draft = Profile.objects.filter(proxy=proxy).first()
    if draft is None:
        remedy = f"create one in the browser, or run: manage.py proxyconf import {proxy} FILE"
        raise CommandError(f"{proxy} has no profile; {remedy}", returncode=_USAGE)
    return draft


def _files(profile: AccountingProfile, collector: str) -> list[Artefact]:
    try:
        return artefacts_of(profile, collector)
    except ValueError as error:
        raise CommandError(f"--collector: {error}", returncode=_USAGE) from error


def _revision(proxy: Proxy, number: int) -> Revision:
    revision = Revision.objects.filter(proxy=proxy, number=number).first()
    if revision is None:
        last = latest_revision(proxy)
        existing = f"the last is {last.number}" if last else "nothing was published yet"
        raise CommandError(f"--revision: {proxy} has no revision {number}; {existing}", returncode=_USAGE)
    return revision


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
