"""Demo data: the recorded calls of the tests, from ``tests/recorded`` of the checkout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from cdr.calls.correlate import correlate_pending, mark_overdue
from cdr.formats.registry import FORMATS
from cdr.models import Event, Source
from cdr.receivers.input_files import open_input
from cdr.storage.ingest import reading_of, store
from proxyconf.models import Proxy
from proxyconf.parse import layout_from_text
from proxyconf.vocabulary.products import Product

RECORDED = Path(__file__).resolve().parent.parent / "tests" / "recorded"
CLUSTER = "demo"
_MAX_CALL = timedelta(minutes=10)  # no recorded call is longer, so calls without BYE are shown as No STOP immediately
_FORMAT_OF_FILE: Mapping[str, str] = {
    "syslog.txt": "syslog",
    "acc.csv": "acc-csv",
    "missed_calls.csv": "missed-csv",
    "acc_cdrs.csv": "acc-cdrs-csv",
}


@dataclass(frozen=True)
class DemoProxy:
    """A demo proxy and its recordings, which all log the same fields in the same time zone."""

    name: str
    scenarios: Sequence[str]
    timezone: str = "UTC"
    product: Product = Product.KAMAILIO
    version: str = "5.6.3"


PROXIES = (
    DemoProxy(
        "demo-kamailio",
        (
            "01-answered-caller-hangup",
            "02-answered-callee-hangup",
            "03-busy-failed-flag",
            "04-serial-fork-answered",
            "05-serial-fork-failed",
            "07-report-ack",
            "09-missing-bye",
            "14-digest-auth",
            "25-failed-filter",
        ),
    ),
    DemoProxy("demo-kamailio-extras", ("12-extra-accounting",)),
    DemoProxy("demo-kamailio-legs", ("11-multi-leg",)),
    DemoProxy(
        "demo-kamailio-newyork",
        ("01n-answered-newyork", "06-early-media", "08-report-cancels"),
        timezone="America/New_York",
    ),
    DemoProxy("demo-kamailio-cdrs", ("18-dialog-cdrs",), timezone="America/New_York"),
    DemoProxy("demo-kamailio-berlin", ("19s-small-soak",), timezone="Europe/Berlin"),
    DemoProxy(
        "demo-opensips",
        ("opensips-01-answered-caller-hangup", "opensips-03-busy-failed-flag", "opensips-04-serial-fork-answered"),
        product=Product.OPENSIPS,
        version="3.6.8",
    ),
    DemoProxy(
        "demo-opensips-cdrs",
        ("opensips-18-cdr",),
        timezone="America/New_York",
        product=Product.OPENSIPS,
        version="3.6.8",
    ),
)


def load_demo() -> bool:
    """Load the recorded calls unless a demo proxy exists; return whether they were loaded.

    All or none are loaded. Raise ``FileNotFoundError`` if the recordings are missing.
    """
    if Proxy.objects.filter(name__in=[proxy.name for proxy in PROXIES]).exists():
        return False
    with transaction.atomic():
        for proxy in PROXIES:
            _load(proxy)
    correlate_pending()
    # If the clock of this machine is behind the recordings, use their end as the current time.
    newest = Event.objects.filter(proxy__cluster=CLUSTER).aggregate(at=Max("time"))["at"]
    mark_overdue(now=max(timezone.now(), newest + 2 * _MAX_CALL))
    return True


def _load(demo: DemoProxy) -> None:
    layout = layout_from_text((RECORDED / demo.scenarios[0] / "acc.cfg").read_text())
    proxy = Proxy.objects.create(
        name=demo.name,
        product=demo.product,
        version=demo.version,
        timezone=demo.timezone,
        cluster=CLUSTER,
        max_call=_MAX_CALL,
        layout=layout.to_json(),
    )
    log = Source.objects.create(proxy=proxy, name="log", kind=Source.Kind.IMPORT)
    tables = Source.objects.create(proxy=proxy, name="tables", kind=Source.Kind.IMPORT)
    for file, kind in recordings(demo):
        now = timezone.now()
        with open_input(str(file)) as opened:
            parsed = FORMATS[kind](opened.stream, reading_of(proxy, now))
            store(log if kind == "syslog" else tables, parsed, format=kind, received_at=now)


def recordings(demo: DemoProxy) -> Iterator[tuple[Path, str]]:
    """Yield the files of a demo proxy with their formats."""
    for scenario in demo.scenarios:
        for name, kind in _FORMAT_OF_FILE.items():
            for file in (RECORDED / scenario / name, RECORDED / scenario / f"{name}.gz"):
                if file.exists():
                    yield file, kind
