"""What each kind of source lets one set: pure, one file per subject, looked up by the kind's name."""

from __future__ import annotations

from collections.abc import Mapping

from cdr.kinds.diameter import Diameter
from cdr.kinds.files import DetailFile, LogFile
from cdr.kinds.network import EventDatagrams, Http, Radius, Syslog
from cdr.kinds.setting import Settings
from cdr.kinds.tables import Database, Mirror

KINDS: Mapping[str, type[Settings]] = {
    "import": Settings,
    "mirror": Mirror,
    "database": Database,
    "syslog": Syslog,
    "file": LogFile,
    "radius": Radius,
    "detail": DetailFile,
    "diameter": Diameter,
    "events": EventDatagrams,
    "http": Http,
}
"""The settings of each ``Source.Kind``."""
