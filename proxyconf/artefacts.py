"""The files that are generated for a profile."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from proxyconf.profile import AccountingProfile
from proxyconf.render.acc_section import acc_section, modules_section
from proxyconf.render.hints import routing_hints
from proxyconf.render.radius_dictionary import (
    client_configuration,
    client_dictionary,
    client_servers,
    server_dictionary,
)
from proxyconf.render.sql_ddl import sql_ddl
from proxyconf.render.sql_schema import tables_of
from proxyconf.render.syslog_rule import line_patterns, syslog_rule, writes_json
from proxyconf.vocabulary.layout import Backend

LOCAL = "127.0.0.1"
SYSLOG_PORT = 5140
"""The port on which accweb receives syslog by default."""

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # a constant time, so that the same content gives the same ZIP


class Artefact(NamedTuple):
    """A generated file; ``title`` is its name on pages."""

    name: str
    title: str
    text: str


def artefacts_of(profile: AccountingProfile, collector: str = LOCAL) -> list[Artefact]:
    """Return the files for a proxy with this profile, the most important first.

    ``collector`` is the host name or address of accweb as the proxy sees it.
    """
    return list(_artefacts(profile, collector))


def find_artefact(profile: AccountingProfile, name: str, collector: str = LOCAL) -> Artefact | None:
    """Return the generated file called ``name``, or None."""
    return next((artefact for artefact in _artefacts(profile, collector) if artefact.name == name), None)


def zipped(files: Iterable[Artefact], folder: str) -> bytes:
    """Return a ZIP of the files in one folder; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(f"{folder}/{file.name}", _ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o640 << 16  # it may contain the database password
            archive.writestr(entry, file.text)
    return buffer.getvalue()


def etag_of(content: bytes) -> str:
    """Return the entity tag of some content (RFC 9110 section 8.8.3)."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _artefacts(profile: AccountingProfile, collector: str) -> Iterator[Artefact]:
    backends = set(profile.backends) & profile.known_backends.keys()
    yield Artefact("acc.cfg", "Accounting section", acc_section(profile, modules=False))
    modules = modules_section(profile)
    if modules:
        yield Artefact("modules.cfg", "Modules to load", modules)
    yield Artefact("routing.cfg", "Routing hints", routing_hints(profile))
    if tables_of(profile):
        for dialect, title in (("mysql", "MySQL, MariaDB"), ("postgresql", "PostgreSQL"), ("sqlite", "SQLite")):
            yield Artefact(f"{dialect}.sql", f"SQL: {title}", sql_ddl(profile, dialect))
    if Backend.RADIUS in backends:
        yield Artefact("radius/dictionary", "RADIUS: proxy's dictionary", client_dictionary(profile))
        yield Artefact("radius/radiusclient.conf", "RADIUS: client", client_configuration(profile, collector))
        yield Artefact("radius/servers", "RADIUS: secrets", client_servers(profile, collector))
        yield Artefact("radius/dictionary.sip_accounting", "RADIUS: FreeRADIUS", server_dictionary(profile))
    if line_patterns(profile) or writes_json(profile):
        yield Artefact("rsyslog.conf", "rsyslog", syslog_rule(profile, "rsyslog", host=collector, port=SYSLOG_PORT))
        yield Artefact(
            "syslog-ng.conf", "syslog-ng", syslog_rule(profile, "syslog-ng", host=collector, port=SYSLOG_PORT)
        )
