"""Field inputs whose STOP is told late, elsewhere or by the script: one call each, with its true end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cdr.correlation.fold import fold
from cdr.correlation.record import CallRecord, CallState, DurationKind, Flag, Observed, Policy, ReleasedBy
from cdr.events import AccEvent
from cdr.formats.reading import Reading
from cdr.formats.registry import FORMATS
from proxyconf.parse import layout_from_text
from proxyconf.vocabulary.layout import FieldLayout
from proxyconf.vocabulary.products import Product

FIELD = Path(__file__).parents[1] / "field"
LATER = datetime(2026, 1, 1, tzinfo=UTC)


def calls_of(files: dict[str, str], product: Product, layout: FieldLayout | None = None) -> list[CallRecord]:
    """Return the calls of ``files`` (path in the field folder to format), each file read as of a node of its own."""
    layout = layout or FieldLayout()
    observed = []
    for file, form in files.items():
        with (FIELD / file).open("rb") as stream:
            parsed = list(FORMATS[form](stream, Reading(layout=layout, product=product)))
        observed += [Observed(event, file) for event in parsed if isinstance(event, AccEvent)]
    return fold(observed, {file: Policy(layout=layout) for file in files}, LATER).calls


def test_a_dialog_that_expires_on_one_node_after_its_bye_on_the_other_is_one_call() -> None:
    nodes = {f"12-failover-two-nodes/node{number}.log": "syslog" for number in (1, 2)}
    ended, skewed = sorted(calls_of(nodes, Product.KAMAILIO), key=lambda call: call.call_id)
    assert (ended.state, ended.duration, ended.duration_kind) == (
        CallState.COMPLETED,
        timedelta(seconds=300),
        DurationKind.MEASURED,
    )
    assert len(ended.proxies) == 2
    assert (skewed.duration, skewed.started_at) == (None, skewed.answered_at)
    assert Flag.CLOCK_SKEW in skewed.flags


@pytest.mark.parametrize("file", ["syslog.txt", "syslog-ok.txt"])
def test_a_bye_that_nobody_answers_ends_the_call_when_it_came(file: str) -> None:
    folder = "14-bye-408-with-dialog-cdr"
    layout = layout_from_text((FIELD / folder / "kam.cfg").read_text())
    (only,) = calls_of({f"{folder}/{file}": "syslog"}, Product.KAMAILIO, layout)
    assert (only.duration, only.released_by) == (timedelta(seconds=60.098), ReleasedBy.CALLER)
    assert only.answered_at == datetime(2024, 7, 10, 8, 0, 0, 103_000, tzinfo=UTC)


@pytest.mark.parametrize(("file", "form"), [("syslog.txt", "syslog"), ("acc.csv", "acc-csv")])
def test_a_bye_that_the_script_accounts_ends_the_call(file: str, form: str) -> None:
    (only,) = calls_of({f"21-dialog-timeout-accounted-by-script/{file}": form}, Product.OPENSIPS)
    assert (only.state, only.duration) == (CallState.COMPLETED, timedelta(hours=2))
