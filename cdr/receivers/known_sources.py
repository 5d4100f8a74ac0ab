"""The sources as they were last read, for receivers that start while the database is away.

The file lies in the data folder, which is the service's own (0600). Secrets in it are encrypted as they are in the
database; what decrypts them is not in it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings

from cdr.models import Source
from proxyconf.models import Proxy

logger = logging.getLogger(__name__)

_FILE = "known-sources.json"
_PROXY = ("id", "name", "product", "version", "timezone", "cluster", "layout", "addresses")
_SOURCE = ("id", "name", "kind", "enabled", "settings")


def keep_sources(sources: Iterable[Source], folder: Path | None = None) -> None:
    """Write down the sources, where they changed; a disk that takes nothing more is only logged."""
    path = (folder or Path(settings.DATA_DIR)) / _FILE
    records = [{**_members(one, _SOURCE), "proxy": _members(one.proxy, _PROXY)} for one in sources]
    content = json.dumps(records, sort_keys=True)
    try:
        if path.exists() and path.read_text() == content:
            return
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.chmod(0o600)
        new.write_text(content)
        new.replace(path)
    except OSError as error:
        logger.error("the sources cannot be kept for a start without the database: %s", error)


def kept_sources(folder: Path | None = None) -> list[Source]:
    """Return the sources as they were last read; none where the file is missing or cannot be understood."""
    path = (folder or Path(settings.DATA_DIR)) / _FILE
    try:
        return [_source(record) for record in json.loads(path.read_text())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        logger.error("%s cannot be read: %s", path, error)
        return []


def _members(model: Source | Proxy, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(model, name) for name in names}


def _source(record: dict[str, Any]) -> Source:
    proxy = Proxy(**{name: record["proxy"][name] for name in _PROXY})
    return Source(**{name: record[name] for name in _SOURCE}, proxy=proxy)
