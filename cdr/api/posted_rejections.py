"""How many posted objects that cannot be parsed are kept: as much as of a listener, in each web process."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from cdr.formats.reading import Parsed, Rejection
from cdr.models import Source
from cdr.receivers.rejection_quota import BURST, RejectionQuota
from cdr.storage.complaints import complain

_quotas: dict[int, RejectionQuota] = {}


def dropped_items(source: Source, parsed: Sequence[Parsed]) -> frozenset[int]:
    """Return which of the results are rejections beyond the quota of ``source``, which then says so as its error."""
    quota = _quotas.setdefault(source.pk, RejectionQuota())
    dropped = frozenset(
        index for index, one in enumerate(parsed) if isinstance(one, Rejection) and not quota.allows(len(one.raw))
    )
    if dropped:
        complain(f"{source}: rejected input beyond the quota is dropped", f"{len(dropped)} objects of one post")
        said = f"{timezone.now():%Y-%m-%d %H:%M} UTC: more was posted that cannot be parsed than the {BURST >> 20} MiB"
        Source.objects.filter(pk=source.pk).update(error=f"{said} an hour that are kept; the rest was dropped")
    return dropped
