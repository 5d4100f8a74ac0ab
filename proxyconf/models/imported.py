"""The configuration from which a draft was imported; patches are made against it."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.db import models

from proxyconf.models.profile import Profile
from proxyconf.models.proxy import Proxy
from proxyconf.models.sealing import REMEDY, Unreadable, seal, unseal
from proxyconf.parse import config_text, facts_of_script
from proxyconf.parse.files import ConfigFile, decoded
from proxyconf.script_facts import ScriptFacts
from proxyconf.vocabulary.products import Product, Version

log = logging.getLogger(__name__)


class RawFile(NamedTuple):
    """A configuration file; ``name`` is its path below the configuration's folder."""

    name: str
    raw: bytes


class ImportedConfiguration(models.Model):
    """The imported files, encrypted since they may contain passwords, and the names assumed to be defined."""

    proxy = models.OneToOneField(Proxy, on_delete=models.CASCADE, related_name="imported_configuration")
    files = models.TextField()
    defines = models.JSONField(default=list, blank=True)
    imported_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()  # seen and replaced with the profile

    def __str__(self) -> str:
        return str(self.proxy)


def store_imported(proxy: Proxy, files: Iterable[RawFile], defines: Iterable[str]) -> None:
    """Store the files from which the draft of ``proxy`` was imported, replacing the previous ones."""
    values = {"files": sealed_files(files), "defines": list(defines)}
    ImportedConfiguration.objects.update_or_create(proxy=proxy, defaults=values)


def imported_files(proxy: Proxy) -> tuple[list[RawFile], tuple[str, ...]]:
    """Return the files from which the draft was imported and the names assumed to be defined.

    No files are returned if there are none, or if they were encrypted with another ``SECRET_KEY``.
    """
    stored = ImportedConfiguration.objects.filter(proxy=proxy).first()
    if stored is None:
        return [], ()
    try:
        return unsealed_files(stored.files), tuple(stored.defines)
    except Unreadable:
        log.error("configuration of %s was encrypted with another SECRET_KEY: %s", proxy, REMEDY)
        return [], ()


def script_facts(proxy: Proxy) -> ScriptFacts:
    """Return the facts about the script from which the draft was imported; only its flags if it is not stored."""
    stored = ImportedConfiguration.objects.filter(proxy=proxy).values_list("pk", "imported_at").first()
    if stored is None:
        draft = Profile.objects.filter(proxy=proxy).values_list("flags_elsewhere", flat=True).first()
        return ScriptFacts(flags=frozenset(draft or ()))
    return _facts_of_stored(*stored, proxy.product, proxy.version)


@lru_cache(maxsize=256)  # the list of proxies needs the facts of every proxy
def _facts_of_stored(pk: int, _imported_at: datetime, product: str, version: str) -> ScriptFacts:
    files, defines = imported_files(Proxy.objects.get(imported_configuration=pk))
    return facts_of_script(readable_files(files), Product(product), Version.parse(version), defines)


def sealed_files(files: Iterable[RawFile]) -> str:
    return seal(json.dumps([[one.name, base64.b64encode(one.raw).decode("ascii")] for one in files]))


def unsealed_files(text: str) -> list[RawFile]:
    """Decrypt the result of ``sealed_files``; raise ``Unreadable`` if the key has changed since."""
    return [RawFile(str(name), base64.b64decode(content)) for name, content in json.loads(unseal(text))]


def readable_files(files: Iterable[RawFile]) -> list[ConfigFile]:
    """Return the files for import: bytes that are not text become escapes."""
    return [ConfigFile(one.name, config_text(one.raw)) for one in files]


def patchable_files(files: Iterable[RawFile]) -> list[ConfigFile]:
    """Return the files for a patch, without loss of any byte."""
    return [ConfigFile(one.name, decoded(one.raw)[0]) for one in files]


def patch_bytes(text: str, files: Iterable[RawFile]) -> bytes:
    """Return a patch in the encoding of the files it is for."""
    encodings = {decoded(one.raw)[1] for one in files}
    return text.encode("latin-1" if "latin-1" in encodings else "utf-8", "replace")
