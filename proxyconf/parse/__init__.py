"""Import an existing proxy configuration as a profile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from proxyconf.parse.assemble import Assembly
from proxyconf.parse.detection import guess_product, guess_version
from proxyconf.parse.facts import facts_of, has_other_language
from proxyconf.parse.files import ConfigFile, join_files
from proxyconf.parse.request_paths import script_actions
from proxyconf.parse.statements import ScriptCall, Statements, functions_called, read_statements
from proxyconf.parse.tokens import Reader, Remark, Tested
from proxyconf.profile import AccountingProfile
from proxyconf.profile_layout import layout_of
from proxyconf.script_facts import ScriptActions, ScriptFacts
from proxyconf.vocabulary.layout import FieldLayout
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product, Version

__all__ = [
    *("ConfigFile", "DefineChoice", "Imported", "Remark", "actions_of_script", "config_text", "facts_of_script"),
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
    """A name tested by ``#!ifdef`` whose definition changes the profile, so that the user must decide.

    ``defined``: it was assumed to be defined this time.
    """

    name: str
    line: int
    defined: bool


class Imported(NamedTuple):
    """The accounting of an imported configuration.

    ``remarks`` lists everything that was not understood or was interpreted differently. ``choices`` are the names that
    the user must decide on. ``flags_elsewhere`` are the flag numbers that the script uses for other purposes. ``calls``
    are the script's calls of accounting functions, ``facts`` the facts for the check of the profile.
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
    """Parse a configuration of several files like ``parse_config``; remarks name the file and the line in it."""
    joined = join_files(files)
    imported = parse_config(joined.text, product=product, version=version, defines=defines)
    if len(files) < 2:
        return imported
    line_starts = [0, *(match.end() for match in re.finditer("\n", joined.text))]
    texts = {file.name: file.text for file in files}

    def placed(remark: Remark) -> Remark:
        if not 0 < remark.line <= len(line_starts):
            return remark
        name, offset = joined.place(line_starts[remark.line - 1])
        return remark._replace(file=name, line=texts[name].count("\n", 0, offset) + 1)

    return imported._replace(remarks=tuple(map(placed, imported.remarks)))


def read_for_patch(
    text: str, product: Product, version: Version, defines: Iterable[str]
) -> tuple[AccountingProfile, Statements]:
    """Return the profile of a configuration and the statements that it was made from."""
    statements = _statements(text, product, defines)[1]
    return Assembly(product, version, statements).profile(), statements


def parse_config(
    text: str,
    *,
    product: Product | None = None,
    version: Version | None = None,
    defines: Iterable[str] = (),
) -> Imported:
    """Parse a configuration, or the accounting part of one.

    ``product`` and ``version`` are guessed by default. ``defines`` are assumed to be defined, as ``NAME`` or
    ``NAME=value``. No text is an error: whatever is not understood becomes a remark.
    """
    defines = tuple(defines)
    imported, tested_names = _read(text, product, version, defines)
    release = (imported.profile.product, imported.profile.version)
    defined_names = {define.partition("=")[0] for define in defines}
    choices = []
    for name, line in tested_names[:_MOST_CHOICES]:
        others = [define for define in defines if define.partition("=")[0] != name]
        toggled = others if name in defined_names else [*defines, name]
        if _read(text, *release, toggled)[0].profile != imported.profile:
            choices.append(DefineChoice(name, line, name in defined_names))
    return imported._replace(choices=tuple(choices))


def facts_of_script(
    files: Sequence[ConfigFile], product: Product, version: Version, defines: Iterable[str]
) -> ScriptFacts:
    """Return the facts about a configuration that the check of a profile uses."""
    return _read(join_files(files).text, product, version, tuple(defines))[0].facts


def actions_of_script(
    files: Sequence[ConfigFile], product: Product, defines: Iterable[str] = ()
) -> ScriptActions | None:
    """Return what the routes of a configuration do for accounting on each kind of request; None if it has none, or if
    they are in another language.
    """
    text, defines = join_files(files).text, tuple(defines)
    if has_other_language(_statements(text, product, defines)[1]):
        return None
    return script_actions(list(Reader(text, defines, preprocess=product is Product.KAMAILIO).tokens()))


def parse_accounting(text: str, product: Product | None = None, version: Version | None = None) -> Imported:
    """Parse a configuration like ``parse_config``; raise ``ValueError`` if it sets up no accounting."""
    return with_accounting(parse_config(text, product=product, version=version))


def with_accounting(imported: Imported) -> Imported:
    """Return ``imported``; raise ``ValueError`` if it sets up no accounting."""
    if not imported.profile.backends:
        raise ValueError("this configuration sets up no accounting: no flag, no extra fields, no do_accounting() call")
    return imported


def layout_from_text(text: str, product: Product | None = None, version: Version | None = None) -> FieldLayout:
    """Return the field layout of a configuration; raise ``ValueError`` if it sets up no accounting."""
    return layout_of(parse_accounting(text, product, version).profile)


def config_text(raw: bytes) -> str:
    """Decode a configuration. Invalid bytes become escapes, and so does NUL, which PostgreSQL cannot store."""
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\0")


def _read(
    text: str, product: Product | None, version: Version | None, defines: Iterable[str]
) -> tuple[Imported, tuple[Tested, ...]]:
    reader, statements = _statements(text, product, defines)
    actual_product = product or guess_product(text, statements)
    if product is None and actual_product is not Product.KAMAILIO:  # it has no preprocessor: read again without
        reader, statements = _statements(text, actual_product, defines)
    release = version or guess_version(actual_product, statements)
    assembly = Assembly(actual_product, release, statements)
    profile = assembly.profile()
    remarks = sorted({*statements.remarks, *assembly.remarks, *_m4_remarks(text)})
    flags_elsewhere = assembly.flags_elsewhere(profile)
    imported = Imported(
        profile=profile,
        remarks=tuple(remark._replace(text=shown_text(remark.text)) for remark in remarks),
        choices=(),
        flags_elsewhere=flags_elsewhere,
        calls=tuple(functions_called(statements.calls)),
        product_guessed=product is None,
        version_guessed=version is None,
        facts=facts_of(statements, actual_product, flags_elsewhere),
    )
    return imported, reader.undecided()


def _m4_remarks(text: str) -> list[Remark]:
    match = _M4.search(text)
    if match is None:
        return []
    why = _("this is an m4 template: its macros are not expanded here; run m4 and import its output")
    return [Remark(text.count("\n", 0, match.start()) + 1, match[0].strip(), why)]


def shown_text(text: str) -> str:
    """Return a line of a configuration for display: truncated, and without passwords."""
    return _PASSWORD.sub(r"\1:********@", text[: 4 * _LONGEST_SHOWN])[:_LONGEST_SHOWN]


def _statements(text: str, product: Product | None, defines: Iterable[str]) -> tuple[Reader, Statements]:
    reader = Reader(text, defines, preprocess=product in (None, Product.KAMAILIO))
    return reader, read_statements(reader)
