"""Malformed input from a sender that needs no secret."""

from __future__ import annotations

import pytest

from cdr.models import Event, Rejected
from cdr.receivers import rejection_quota
from cdr.receivers.rejection_quota import RejectionQuota
from cdr.receivers.syslog_server import SyslogServer
from tests.cdr.receivers.serving import serving, step_until
from tests.cdr.receivers.test_syslog_server import line, make_syslog, send

MALFORMED = b"<29>Nov 22 23:53:30 kam1 kamailio[4711]: NOTICE: acc [acc.c:279]: acc_log_request(): "


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


def test_the_quota_fills_again() -> None:
    now = [0.0]
    quota = RejectionQuota(lambda: now[0])
    assert quota.allows(rejection_quota.BURST)
    assert not quota.allows(1_000)
    now[0] += 3600
    assert quota.allows(rejection_quota.BURST)
    assert not quota.allows(1_000)
