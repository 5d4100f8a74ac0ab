"""The service of each kind of source."""

from __future__ import annotations

from collections.abc import Mapping

from cdr.models import Source
from cdr.receivers.database_service import DatabaseService
from cdr.receivers.diameter_server import DiameterServer
from cdr.receivers.event_datagrams import EventDatagramServer
from cdr.receivers.file_follower import DetailFollower, LogFollower
from cdr.receivers.mirror_service import MirrorService
from cdr.receivers.radius_server import RadiusServer
from cdr.receivers.radsec_server import RadSecServer
from cdr.receivers.service import Service
from cdr.receivers.syslog_server import SyslogServer

SERVICES: Mapping[str, type[Service]] = {
    Source.Kind.MIRROR: MirrorService,
    Source.Kind.DATABASE: DatabaseService,
    Source.Kind.SYSLOG: SyslogServer,
    Source.Kind.FILE: LogFollower,
    Source.Kind.RADIUS: RadiusServer,
    Source.Kind.RADSEC: RadSecServer,
    Source.Kind.DETAIL: DetailFollower,
    Source.Kind.DIAMETER: DiameterServer,
    Source.Kind.EVENTS: EventDatagramServer,
}
