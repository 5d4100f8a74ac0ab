"""An existing configuration of a proxy, read back into a profile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from proxyconf.parse.assemble import Assembly
from proxyconf.parse.detection import guess_product, guess_version
from proxyconf.parse.facts import facts_of
from proxyconf.parse.files import ConfigFile, join_files
from proxyconf.parse.statements import ScriptCall, Statements, functions_called, read_statements
from proxyconf.parse.tokens import Reader, Remark, Tested
from proxyconf.profile import AccountingProfile
from proxyconf.profile_layout import layout_of
from proxyconf.script_facts import ScriptFacts
from proxyconf.vocabulary.layout import FieldLayout
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product, Version

__all__ = [
    *("Choice", "ConfigFile", "Imported", "Remark", "config_text", "facts_of_script"),
    *(
        "layout_from_text",
        "parse_accounting",
        "parse_config",
        "parse_files",
        "read_for_patch",
        "shown_text",
        "with_accounting",
    ),
]

_M4 = re.compile(r"^[ \t]*(?:divert\(|changequote\b|changecom\b|m4_[a-z]+|define\(|s?include\()|\bdnl\b", re.MULTILINE)
_PASSWORD = re.compile(r"(://[^:@/\s\"']*):[^\s\"']*@")
_MOST_CHOICES = 60
_LONGEST_SHOWN = 300


class DefineChoice(NamedTuple):
    """A name that ``#!ifdef`` asks for and whose definition would change the profile: who imports must decide.

    ``defined`` is how it was taken this time.
    """

    name: str
    line: int
    defined: bool


class Imported(NamedTuple):
    """What a configuration says about accounting.

    ``remarks`` lists everything that was read and not understood, or understood otherwise than written. ``choices`` are
    the names to be decided. ``flags_elsewhere`` are flag numbers that the script uses for other things. ``calls`` are
    the script's calls of accounting functions, ``facts`` what the check asks for. ``product_guessed`` and
    ``version_guessed`` tell what nobody said.
    """

    profile: AccountingProfile
    remarks: tuple[Remark, ...]
    choices: tuple[DefineChoice, ...]
    flags_elsewhere: tuple[int, ...]
    calls: tuple[ScriptCall, ...]
    product_guessed: bool
    version_guessed: bool
    facts: ScriptFacts


def parse_files(
    files: Sequence[ConfigFile],
    *,
    product: Product | None = None,
    version: Version | None = None,
    defines: Iterable[str] = (),
) -> Imported:
    """Read a configuration of several files as ``parse_config`` reads one; remarks name the file where there are
    several, and the line in it.
    """
    joined = join_files(files)
    imported = parse_config(joined.text, product=product, version=version, defines=defines)
    if len(files) < 2:
        return imported
    line_starts = [0, *(match.end() for match in re.finditer("\n", joined.text))]
    texts = {one.name: one.text for one in files}

    def placed(remark: Remark) -> Remark:
        if not 0 < remark.line <= len(line_starts):
            return remark
        name, offset = joined.place(line_starts[remark.line - 1])
        return remark._replace(file=name, line=texts[name].count("\n", 0, offset) + 1)

    return imported._replace(remarks=tuple(placed(one) for one in imported.remarks))


def read_for_patch(
    text: str, product: Product, version: Version, defines: Iterable[str]
) -> tuple[AccountingProfile, Statements]:
    """Return the profile that a text says and the statements that say it, with their places."""
    statements = _statements(text, product, defines)[1]
    return Assembly(product, version, statements).profile(), statements


def parse_config(
    text: str,
    *,
    product: Product | None = None,
    version: Version | None = None,
    defines: Iterable[str] = (),
) -> Imported:
    """Read a configuration, or the part of one that concerns accounting.

    ``product`` and ``version`` are guessed where they are not given. ``defines`` are taken as defined from outside, as
    ``NAME`` or ``NAME=value``. Nothing in the text is an error: what cannot be understood becomes a remark.
    """
    defines = tuple(defines)
    imported, tested = _read(text, product, version, defines)
    settled = (imported.profile.product, imported.profile.version)
    names = {one.partition("=")[0] for one in defines}
    choices = []
    for one in list(tested)[:_MOST_CHOICES]:
        others = [d for d in defines if d.partition("=")[0] != one.name]
        toggled = others if one.name in names else [*defines, one.name]
        if _read(text, *settled, toggled)[0].profile != imported.profile:
            choices.append(DefineChoice(one.name, one.line, one.name in names))
    return imported._replace(choices=tuple(choices))


def facts_of_script(
    files: Sequence[ConfigFile], product: Product, version: Version, defines: Iterable[str]
) -> ScriptFacts:
    """Return what the check of a profile asks of the configuration that it was imported from."""
    return _read(join_files(files).text, product, version, tuple(defines))[0].facts


def parse_accounting(text: str, product: Product | None = None, version: Version | None = None) -> Imported:
    """Read a configuration as ``parse_config`` does. Raise ``ValueError`` if it sets up no accounting."""
    return with_accounting(parse_config(text, product=product, version=version))


def with_accounting(imported: Imported) -> Imported:
    """Return what was read. Raise ``ValueError`` if it sets up no accounting."""
    if not imported.profile.backends:
        raise ValueError("no accounting is set up in this text: no flag, no extra fields and no do_accounting() call")
    return imported


def layout_from_text(text: str, product: Product | None = None, version: Version | None = None) -> FieldLayout:
    """Return what a proxy with this configuration logs. Raise ``ValueError`` if the text sets up no accounting."""
    return layout_of(parse_accounting(text, product, version).profile)


def config_text(raw: bytes) -> str:
    """Return the text of a configuration. What is no text in it becomes an escape, NUL too: PostgreSQL stores none."""
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\0")


def _read(
    text: str, product: Product | None, version: Version | None, defines: Iterable[str]
) -> tuple[Imported, tuple[Tested, ...]]:
    reader, statements = _statements(text, product, defines)
    wanted = product or guess_product(text, statements)
    if product is None and wanted is not Product.KAMAILIO:  # read with the preprocessor that this product has not
        reader, statements = _statements(text, wanted, defines)
    release = version or guess_version(wanted, statements)
    assembly = Assembly(wanted, release, statements)
    profile = assembly.profile()
    remarks = sorted({*statements.remarks, *assembly.remarks, *_m4_remarks(text)})
    flags_elsewhere = assembly.flags_elsewhere(profile)
    imported = Imported(
        profile=profile,
        remarks=tuple(one._replace(text=shown_text(one.text)) for one in remarks),
        choices=(),
        flags_elsewhere=flags_elsewhere,
        calls=tuple(functions_called(statements.calls)),
        product_guessed=product is None,
        version_guessed=version is None,
        facts=facts_of(statements, wanted, flags_elsewhere),
    )
    return imported, reader.undecided()


def _m4_remarks(text: str) -> list[Remark]:
    match = _M4.search(text)
    if match is None:
        return []
    why = _("this is an m4 template: its macros are not expanded here; run m4 and import what it writes")
    return [Remark(text.count("\n", 0, match.start()) + 1, match[0].strip(), why)]


def shown_text(text: str) -> str:
    """Return what may be shown of a configuration's line: not all of a long one, and no password."""
    return _PASSWORD.sub(r"\1:********@", text[: 4 * _LONGEST_SHOWN])[:_LONGEST_SHOWN]


def _statements(text: str, product: Product | None, defines: Iterable[str]) -> tuple[Reader, Statements]:
    reader = Reader(text, defines, preprocess=product in (None, Product.KAMAILIO))
    return reader, read_statements(reader)
