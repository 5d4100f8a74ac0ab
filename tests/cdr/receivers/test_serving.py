from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cdr.models import Receiver, Source
from cdr.receivers import serving
from cdr.receivers.services import SERVICES
from tests.factories import make_source

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.gc, "freeze", lambda: None)
    monkeypatch.setattr(serving.gc, "set_threshold", lambda *_: None)
    for interval in ("RELOAD", "REPORT", "SETUP_RETRY"):
        monkeypatch.setattr(serving, interval, 0.0)


@pytest.mark.parametrize("kind", [Source.Kind.RADIUS, Source.Kind.DIAMETER, Source.Kind.DETAIL], ids=str)
def test_an_unreadable_dictionary_is_shown_and_read_once_it_is_there(kind: Source.Kind, tmp_path: Path) -> None:
    dictionary, detail = tmp_path / "dictionary", tmp_path / "detail"
    detail.touch()
    settings = {
        Source.Kind.RADIUS: {"listen": "127.0.0.1:0", "clients": "127.0.0.1", "secret": "x" * 16},
        Source.Kind.DIAMETER: {"listen": "127.0.0.1:0"},
        Source.Kind.DETAIL: {"path": str(detail)},
    }[kind]
    source = make_source(kind=kind, settings={**settings, "dictionary": str(dictionary)})
    states: list[tuple[str, str]] = []
    steps: Iterator[int] = iter(range(1000))

    def stop() -> bool:
        if next(steps) == 2:
            states.extend(Receiver.objects.values_list("state", "error"))
            dictionary.write_text("ATTRIBUTE Sip-Src-User 900 string\n")
        if len(states) == 1 and Receiver.objects.filter(state="running").exists():
            states.extend(Receiver.objects.values_list("state", "error"))
        return len(states) > 1

    name = source.parsed_settings().service(f"{source.kind} {source.pk}")
    serving.serve(name, SERVICES[kind], stop)

    (state, error), later = states
    assert state == "failed"
    assert str(dictionary) in error
    assert later == ("running", "")
