"""Malformed input, from strangers and from those who know a secret or a path."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from cdr.api import posted_rejections
from cdr.formats import diameter
from cdr.models import Event, Rejected, Source
from cdr.monitoring.health import health_of
from cdr.receivers import rejection_quota
from cdr.receivers.diameter_server import DiameterServer
from cdr.receivers.file_follower import LogFollower
from cdr.receivers.radius_server import RadiusServer
from cdr.receivers.rejection_quota import RejectionQuota
from cdr.receivers.syslog_server import SyslogServer
from tests.cdr.api.test_events import record
from tests.cdr.formats.test_diameter import acc_diameter, core
from tests.cdr.receivers.diameter_connections import connected, received
from tests.cdr.receivers.diameter_connections import source as diameter_source
from tests.cdr.receivers.serving import idle, serving, step_until
from tests.cdr.receivers.test_diameter_server import request as diameter_request
from tests.cdr.receivers.test_radius_server import SECRET, is_answer, request, start
from tests.cdr.receivers.test_syslog_server import line, make_syslog, send
from tests.factories import make_source


@pytest.fixture(autouse=True)
def _no_refill(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.function is not test_the_quota_fills_again:
        monkeypatch.setattr(rejection_quota, "PER_SECOND", 0.0)


@pytest.mark.django_db
def test_malformed_datagrams_beyond_the_quota_are_dropped_counted_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejection_quota, "BURST", 3_000)
    broken = [line(f"{number}@x").replace(b"code=200", b"code=2x0") + b"x" * 800 for number in range(20)]
    with serving(SyslogServer(), make_syslog()) as server:
        send(server, *broken, line("good@x"))
        step_until(server, 3)
        served = server.sources[0]
        kept = Rejected.objects.count()
        assert 0 < kept < 20
        assert served.refused["rejected records dropped beyond the quota"] == 20 - kept
        assert "cannot be parsed" in served.warnings
    assert Event.objects.get().call_id == "good@x"


@pytest.mark.django_db
def test_radius_requests_beyond_the_quota_are_neither_kept_nor_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejection_quota, "BURST", 200)
    source = make_source(kind=Source.Kind.RADIUS, settings={"listen": "127.0.0.1:0", "secret": SECRET.decode()})
    requests = [request((1, b"x" * 100), identifier=number) for number in range(5)]
    with serving(RadiusServer(), source) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", server.port))
        client.setblocking(False)
        for packet in requests:
            client.send(packet)
        step_until(server, 1)
        idle(server)
        assert is_answer(client.recv(4096), requests[0])
        with pytest.raises(BlockingIOError):
            client.recv(4096)
        assert server.sources[0].refused["rejected records dropped beyond the quota"] == 4
        client.send(start("good@x"))
        step_until(server, 1)
        assert is_answer(client.recv(4096), start("good@x"))
    assert Rejected.objects.count() == 1


@pytest.mark.django_db
def test_diameter_requests_beyond_the_quota_are_neither_kept_nor_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejection_quota, "BURST", 0)
    with serving(DiameterServer(), diameter_source()) as server, connected(server) as worker:
        worker.sendall(acc_diameter(made=[*core(code="2x0")]))
        idle(server)
        assert server.sources[0].refused["rejected records dropped beyond the quota"] == 1
        worker.sendall(diameter_request())
        assert received(server, worker) == diameter.answer(diameter_request())
    assert not Rejected.objects.exists()


@pytest.mark.django_db
def test_lines_of_a_file_beyond_the_quota_are_counted_and_the_others_stored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rejection_quota, "BURST", 1_000)
    broken = [line(f"{number}@x").replace(b"code=200", b"code=2x0") for number in range(20)]
    log = tmp_path / "acc.log"
    log.write_bytes(b"\n".join([*broken, line("good@x"), b""]))
    source = make_source(kind=Source.Kind.FILE, settings={"path": str(log)})
    with serving(LogFollower(), source) as follower:
        step_until(follower, 21)
        dropped = follower.sources[0].refused["rejected records dropped beyond the quota"]
    assert dropped == 20 - Rejected.objects.count() > 0
    assert Event.objects.get().call_id == "good@x"


@pytest.mark.django_db
def test_posted_objects_beyond_the_quota_are_told_and_shown(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr(rejection_quota, "BURST", 40)
    source = make_source(kind=Source.Kind.HTTP, settings={"token": "t0ken"})
    monkeypatch.setattr(posted_rejections, "_quotas", {})
    body = json.dumps([{"method": "INVITE", "number": 1}, {"method": "INVITE", "number": 2}, record()])
    answer = client.post(
        "/api/v1/events/", body, content_type="application/json", headers={"Authorization": "Bearer t0ken"}
    )
    told = json.loads(answer.content)
    assert (answer.status_code, told["read"], told["events"], told["rejected"], told["dropped"]) == (200, 3, 1, 1, 1)
    assert len(told["errors"]) == 2
    (health,) = health_of([source.proxy], timezone.now())
    assert "the rest was dropped" in health.sources[0].warning


def test_the_quota_fills_again() -> None:
    now = [0.0]
    quota = RejectionQuota(lambda: now[0])
    assert quota.allows(rejection_quota.BURST)
    assert not quota.allows(1_000)
    now[0] += 3600
    assert quota.allows(rejection_quota.BURST)
    assert not quota.allows(1_000)
