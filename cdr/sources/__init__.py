"""What each kind of source lets one set: pure, one file per subject, looked up by the kind's name."""

from __future__ import annotations

from collections.abc import Mapping

from cdr.sources.diameter import Diameter
from cdr.sources.files import DetailFile, LogFile
from cdr.sources.network import EventDatagrams, Http, Radius, RadSec, Syslog
from cdr.sources.setting import Settings
from cdr.sources.tables import DatabaseSource, Mirror

KINDS: Mapping[str, type[Settings]] = {
    "import": Settings,
    "mirror": Mirror,
    "database": DatabaseSource,
    "syslog": Syslog,
    "file": LogFile,
    "radius": Radius,
    "radsec": RadSec,
    "detail": DetailFile,
    "diameter": Diameter,
    "events": EventDatagrams,
    "http": Http,
}
"""The settings of each ``Source.Kind``."""
