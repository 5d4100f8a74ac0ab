from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from accweb import demo
from cdr.models import Call, Event, Pending, Rejected, Source
from proxyconf.models import Proxy


@pytest.mark.django_db
def test_the_demo_is_loaded_once() -> None:
    assert demo.load_demo()
    before = Event.objects.count(), Call.objects.count(), Proxy.objects.count()
    assert not demo.load_demo()
    assert before == (Event.objects.count(), Call.objects.count(), Proxy.objects.count())


@pytest.mark.django_db
def test_the_demo_shows_every_end_of_a_call_and_several_backends() -> None:
    demo.load_demo()
    states = Counter(Call.objects.values_list("state", flat=True))
    assert set(states) == {"completed", "unanswered", "stop_missing", "start_missing"}
    assert Call.objects.filter(backends=["sql", "syslog"]).count() > 300
    assert Call.objects.filter(legs__isnull=False, attempts__isnull=True).exists()
    assert Call.objects.filter(attempts__isnull=False, outcome="answered").exists()
    assert not Pending.objects.exists()
    assert not Rejected.objects.exists()


@pytest.mark.django_db
def test_a_failed_load_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "RECORDED", tmp_path)
    with pytest.raises(FileNotFoundError):
        demo.load_demo()
    assert not Proxy.objects.exists()
    assert not Source.objects.exists()


@pytest.mark.parametrize("proxy", demo.PROXIES, ids=lambda proxy: proxy.name)
def test_every_scenario_of_a_demo_proxy_has_its_zone_and_version(proxy: demo.DemoProxy) -> None:
    for scenario in proxy.scenarios:
        told = (demo.RECORDED / scenario / "scenario.md").read_text()
        found = re.search(r"Proxy: (\w+) ([\d.]+), TZ=([\w/]+)", told)
        assert found is not None
        assert found.groups() == (proxy.product, proxy.version, proxy.timezone)


@pytest.mark.parametrize("proxy", demo.PROXIES, ids=lambda proxy: proxy.name)
def test_every_scenario_of_a_demo_proxy_was_recorded_in_the_log_and_in_tables(proxy: demo.DemoProxy) -> None:
    formats = Counter(kind for _, kind in demo.recordings(proxy))
    assert formats["syslog"] == formats["acc-csv"] == len(proxy.scenarios)
