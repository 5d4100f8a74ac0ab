"""Somebody tries many passwords: from one address, from many, on one account, on many, in parallel processes."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client, override_settings
from django.utils import timezone

from accweb.web import lockout, throttle
from accweb.web.audit import Action
from accweb.web.models import AuditEntry, RequestCount
from accweb.web.throttle import Limit
from tests.conftest import ROOT, Manage

PASSWORD = "correct-horse-7"
LOGIN = "/admin/login/"


def post(username: str, password: str, address: str = "203.0.113.9", client: Client | None = None) -> int:
    data = {"username": username, "password": password}
    return (client or Client()).post(LOGIN, data, REMOTE_ADDR=address).status_code


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann", password=PASSWORD, is_staff=True)


def test_of_120_wrong_passwords_five_are_tried_and_then_the_right_one_is_refused(ann: User) -> None:
    answers = [post("ann", f"wrong-{number}") for number in range(120)]
    assert answers == [200] * 5 + [429] * 115
    assert post("ann", PASSWORD) == 429


def test_who_is_refused_is_told_when_to_come_back(ann: User) -> None:
    for _ in range(5):
        post("ann", "wrong")
    refused = Client().post(LOGIN, {"username": "ann", "password": "wrong"}, REMOTE_ADDR="203.0.113.9")
    assert 0 < int(refused.headers["Retry-After"]) <= 15 * 60
    assert "Too many failed attempts" in refused.text


def test_another_spelling_or_address_of_the_same_network_is_no_other_asker(ann: User) -> None:
    names = ["ann", "ANN", " ann", "Ann ", "aNn"]
    assert [post(name, "wrong", f"2001:db8::{number}") for number, name in enumerate(names)] == [200] * 5
    assert post("ann", PASSWORD, "2001:db8::ffff") == 429
    assert post("ann", PASSWORD, "2001:db8:0:1::1") == 302


def test_one_password_tried_on_many_accounts_is_stopped_by_its_address(db: None) -> None:
    answers = [post(f"user{number}", "Summer2026!") for number in range(40)]
    assert answers == [200] * 30 + [429] * 10


def test_one_account_tried_from_many_addresses_is_closed_to_addresses_that_it_never_used(ann: User) -> None:
    answers = [post("ann", "wrong", f"198.51.100.{number}") for number in range(30)]
    assert answers == [200] * 20 + [429] * 10


def test_an_attacker_locks_nobody_out_where_they_work(ann: User) -> None:
    assert post("ann", PASSWORD, "192.0.2.7") == 302
    for number in range(30):
        post("ann", "wrong", f"198.51.100.{number}")
    assert post("ann", PASSWORD, "198.51.100.77") == 429
    assert post("ann", PASSWORD, "192.0.2.7") == 302


def test_hammering_at_one_account_locks_nobody_else_out_at_the_same_address(ann: User) -> None:
    User.objects.create_user("bob", password=PASSWORD, is_staff=True)
    for _ in range(60):
        post("ann", "wrong")
    assert post("ann", PASSWORD) == 429
    assert post("bob", PASSWORD) == 302


def test_a_lock_out_ends_although_the_attack_goes_on(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(50):
        post("ann", "wrong")
    later = (timezone.now() + timedelta(minutes=15, seconds=1)).timestamp()
    monkeypatch.setattr(throttle.time, "time", lambda: later)
    assert post("ann", PASSWORD) == 302


def test_logging_in_to_an_own_account_gives_no_attempts_on_others(ann: User) -> None:
    User.objects.create_user("eve", password=PASSWORD, is_staff=True)
    answers = []
    for number in range(40):
        answers.append(post(f"user{number}", "Summer2026!"))
        post("eve", PASSWORD)
    assert answers == [200] * 30 + [429] * 10


def test_people_of_one_address_who_log_in_rightly_are_not_held_back(db: None) -> None:
    for number in range(40):
        User.objects.create_user(f"user{number}", password=PASSWORD, is_staff=True)
    assert {post(f"user{number}", PASSWORD) for number in range(40)} == {302}


def test_a_right_password_forgets_wrong_ones(ann: User) -> None:
    for _ in range(3):
        assert [post("ann", "wrong") for _ in range(4)] == [200] * 4
        assert post("ann", PASSWORD) == 302


def test_an_account_that_does_not_exist_is_locked_alike(ann: User) -> None:
    answers = {
        name: [post(name, "wrong", address) for _ in range(7)]
        for name, address in (("ann", "192.0.2.1"), ("nobody", "192.0.2.2"))
    }
    assert answers["ann"] == answers["nobody"]


def test_a_lock_out_is_in_the_audit_log_once(ann: User) -> None:
    for _ in range(9):
        post("ann", "wrong")
    entries = AuditEntry.objects.filter(action=Action.LOCKED_OUT)
    assert [(entry.username, entry.address) for entry in entries] == [("ann", "203.0.113.9")]
    assert AuditEntry.objects.filter(action=Action.REFUSED).count() == 5


def test_an_administrator_unlocks_an_account_or_an_address(ann: User) -> None:
    for _ in range(6):
        post("ann", "wrong")
    assert [(lock.account, lock.address) for lock in lockout.locks()] == [("ann", "203.0.113.9")]
    assert lockout.unlock(account="Ann")
    assert lockout.locks() == []
    assert post("ann", PASSWORD) == 302
    for number in range(31):
        post(f"user{number}", "wrong")
    assert lockout.unlock(address="203.0.113.9")
    assert post("ann", PASSWORD) == 302


def test_logins_that_are_begun_and_left_are_limited(db: None) -> None:
    headers = {"Accept": "application/json", "X-Requested-With": "XMLHttpRequest"}
    answers = [Client().get("/account/second-factor/passkeys/login/", headers=headers) for _ in range(125)]
    assert [answer.status_code for answer in answers] == [200] * 120 + [429] * 5
    assert Session.objects.count() == 120


COUNT = """
import django; django.setup()
from accweb.web.throttle import Limit, take
limit = Limit("test", 100, 3600, in_blocks={in_blocks})
print(sum(not take(limit, "x").wait for _ in range(60)))
"""


@pytest.mark.parametrize("in_blocks", [False, True])
def test_parallel_processes_share_a_count(in_blocks: bool, database_url: str, manage: Manage, tmp_path: object) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "accweb.settings", "DATABASE_URL": database_url}
    environment["ACCWEB_DATA_DIR"] = str(tmp_path)
    command = [sys.executable, "-c", COUNT.format(in_blocks=in_blocks)]
    running = [
        subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    allowed = [int(process.communicate()[0]) for process in running]
    assert 85 < sum(allowed) <= 100 if in_blocks else sum(allowed) == 100


@override_settings(LOGIN_ATTEMPTS=3)
def test_the_number_of_attempts_is_a_setting(ann: User) -> None:
    assert [post("ann", "wrong") for _ in range(5)] == [200] * 3 + [429] * 2


def test_counts_are_forgotten_when_they_have_ended(db: None) -> None:
    throttle.take(Limit("test", 5, 0), "past")
    throttle.take(Limit("test", 5, 60), "now")
    throttle.forget_expired()
    assert list(RequestCount.objects.values_list("subject", flat=True)) == ["now"]
