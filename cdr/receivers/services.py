"""Which service serves which kind of source."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cdr.models import Source
from cdr.receivers.mirror_service import MirrorService
from cdr.receivers.service import Service

SERVICES: Mapping[str, Callable[[], Service]] = {
    Source.Kind.MIRROR: MirrorService,
}
