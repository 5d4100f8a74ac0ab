from datetime import UTC, timedelta

from django.db import migrations
from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncHour

_KIND = ("hour", "proxies", "state", "outcome", "sip_code")
_BATCH = 2_000
_MEASURED = Q(outcome="answered", duration_kind="measured", duration__isnull=False)


def count_stored_calls(apps, schema_editor):
    """Fill the volumes from the calls that were stored before there were volumes. Nobody else writes meanwhile."""
    Call, Volume = apps.get_model("cdr", "Call"), apps.get_model("cdr", "Volume")
    kinds = (
        Call.objects.filter(superseded=False)
        .order_by()
        .annotate(hour=TruncHour("started_at", tzinfo=UTC))
        .values(*_KIND)
        .annotate(
            calls=Count("id"),
            measured=Count("id", filter=_MEASURED),
            length=Sum("duration", filter=_MEASURED),
        )
    )
    rows = (_row(Volume, **kind) for kind in kinds.iterator(chunk_size=_BATCH))
    Volume.objects.all().delete()
    Volume.objects.bulk_create(rows, batch_size=_BATCH)


def _row(model, *, length, **fields):
    return model(duration_us=(length or timedelta()) // timedelta(microseconds=1), **fields)


class Migration(migrations.Migration):
    dependencies = [("cdr", "0006_browsing_exports_and_volume")]
    operations = [migrations.RunPython(count_stored_calls, migrations.RunPython.noop, elidable=True)]
