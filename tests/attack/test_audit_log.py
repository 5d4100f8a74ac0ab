"""Somebody who can write to the database covers tracks in the audit log."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accweb.web import audit_chain
from accweb.web.audit import Action, record_of
from accweb.web.models import AuditCheckpoint, AuditEntry, AuditHead
from tests.background import in_background
from tests.factories import make_call, make_proxy, make_rejected
from tests.servers import PATIENCE


def write(count: int = 5) -> list[int]:
    """Write entries of an analyst; return their ids."""
    user, _ = User.objects.get_or_create(username="ann")
    for number in range(count):
        record_of(user, Action.VIEWED, f"call {number}", address="192.0.2.1", share=number / 2, times=[1e20, 0.1])
    return list(AuditEntry.objects.order_by("pk").values_list("pk", flat=True))


def sql(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def unprotected(statement: str, *parameters: object) -> None:
    """Do something to the audit log as somebody who owns the database and lifts its protection."""
    if connection.vendor == "postgresql":
        sql("ALTER TABLE accweb_auditentry DISABLE TRIGGER USER")
        sql(statement, *parameters)
        sql("ALTER TABLE accweb_auditentry ENABLE TRIGGER USER")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'accweb_auditentry'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(statement, parameters)
        for _, created in triggers:
            cursor.execute(created)


def audit(*arguments: str) -> tuple[int, str]:
    """Run ``manage.py audit``; return its exit status and what it wrote."""
    out, status = StringIO(), 0
    try:
        call_command("audit", *arguments, stdout=out)
    except SystemExit as ended:
        status = int(ended.code or 0)
    return status, out.getvalue()


@pytest.mark.django_db
def test_an_untouched_log_verifies_and_says_its_head() -> None:
    *_, last = write()
    status, text = audit("verify")
    assert (status, text) == (0, f"5 entries, none changed; the head is {audit_chain.stored_head()}\n")
    assert audit("head") == (0, f"{last}:{AuditEntry.objects.get(pk=last).digest}\n")


@pytest.mark.django_db
def test_an_empty_log_verifies() -> None:
    assert audit("verify")[0] == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accweb_auditentry SET username = 'bob' WHERE id = %s",
        "DELETE FROM accweb_auditentry WHERE id = %s",
        "DELETE FROM accweb_auditentry WHERE id >= %s",
    ],
)
def test_the_database_refuses_to_change_or_delete_entries(statement: str) -> None:
    first, *_ = write()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        sql(statement, first)
    assert audit("verify")[0] == 0


@pytest.mark.django_db
def test_the_database_refuses_to_empty_the_table_or_to_replace_a_row() -> None:
    first, *_ = write()
    entry = AuditEntry.objects.get(pk=first)
    if connection.vendor == "postgresql":
        statement, parameters = "TRUNCATE accweb_auditentry", ()
    else:
        columns = "id, at, username, address, action, target, detail, previous, digest"
        statement = (
            f"REPLACE INTO accweb_auditentry ({columns}) VALUES (%s, %s, 'bob', '', 'viewed', '', '{{}}', '', '')"
        )
        parameters = (first, str(entry.at))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        sql(statement, *parameters)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    ["username = 'bob'", "address = ''", "target = ''", "action = 'added'", "detail = '{}'", "user_id = NULL"],
)
def test_a_changed_entry_is_named(change: str) -> None:
    _, second, *_ = write()
    unprotected(f"UPDATE accweb_auditentry SET {change} WHERE id = %s", second)
    status, text = audit("verify")
    assert status == 1
    assert text.startswith(f"entry {second} was changed after it was written: ")
    assert text.count("\n") == 1


@pytest.mark.django_db
def test_a_removed_entry_is_named() -> None:
    first, second, third, *_ = write()
    unprotected("DELETE FROM accweb_auditentry WHERE id = %s", second)
    assert audit("verify") == (
        1,
        f"entries between {first} and {third} were removed, or entry {first} was rewritten\n",
    )


@pytest.mark.django_db
def test_an_inserted_entry_is_named_even_where_its_own_digest_is_right() -> None:
    first, second, third, *_ = write()
    unprotected("DELETE FROM accweb_auditentry WHERE id = %s", second)
    forged = AuditEntry(pk=second, at=timezone.now(), username="eve", action="viewed", target="nothing")
    forged.previous = AuditEntry.objects.get(pk=first).digest
    forged.digest = audit_chain.digest_of(forged)
    forged.save(force_insert=True)
    status, text = audit("verify")
    assert (status, text.split(",")[0]) == (1, f"entries between {second} and {third} were removed")


@pytest.mark.django_db
def test_an_entry_that_is_put_between_two_others_is_named() -> None:
    first, second, *_ = write()
    unprotected("UPDATE accweb_auditentry SET id = id + 1000 WHERE id >= %s", second)
    forged = AuditEntry(pk=second, at=timezone.now(), username="eve", action="viewed", target="nothing")
    forged.previous = AuditEntry.objects.get(pk=first).digest
    forged.digest = audit_chain.digest_of(forged)
    forged.save(force_insert=True)
    sql("UPDATE accweb_audithead SET entry = entry + 1000")
    assert audit("verify") == (1, f"entry {second} was inserted: entry {second + 1000} follows entry {first}\n")


@pytest.mark.django_db
def test_entries_missing_at_the_end_are_noticed() -> None:
    *_, third, fourth, last = write()
    unprotected("DELETE FROM accweb_auditentry WHERE id > %s", third)
    assert audit("verify") == (
        1,
        f"the newest entries were removed: entry {last} was written last, and {third} is the last here\n",
    )
    assert fourth < last


@pytest.mark.django_db
def test_a_log_that_was_forged_whole_does_not_contain_the_head_that_was_kept_elsewhere() -> None:
    *_, third, _, _ = write()
    kept = audit("head")[1].strip()
    unprotected("DELETE FROM accweb_auditentry WHERE id > %s", third)
    entry = AuditEntry.objects.get(pk=third)
    AuditHead.objects.update(entry=third, digest=entry.digest)
    assert audit("verify")[0] == 0  # alone, the database tells nothing
    status, text = audit("verify", "--head", kept)
    assert (status, text.split(":")[0]) == (1, f"entry {kept.split(':')[0]} was removed or rewritten")
    write(3)
    assert audit("verify", "--head", str(audit_chain.stored_head()))[0] == 0


@pytest.mark.django_db
def test_a_protection_that_was_lifted_is_said() -> None:
    write()
    if connection.vendor == "postgresql":
        sql("ALTER TABLE accweb_auditentry DISABLE TRIGGER accweb_audit_no_update")
    else:
        sql("DROP TRIGGER accweb_audit_no_update")
    status, text = audit("verify")
    assert (status, "trigger accweb_audit_no_update is missing" in text) == (1, True)


@pytest.mark.django_db
def test_old_entries_are_pruned_to_a_file_and_the_rest_verifies_from_the_checkpoint(tmp_path: Path) -> None:
    old = write()
    archive = tmp_path / "audit.jsonl"
    status, text = audit(
        "prune", "--before", f"{timezone.now() + timedelta(days=1):%Y-%m-%d}", "--archive", f"{archive}"
    )
    assert (status, text.split(";")[0]) == (0, "removed 5 entries")
    assert len(archive.read_text().splitlines()) == 5
    (entry,) = AuditEntry.objects.all()
    assert (entry.action, entry.username.partition(":")[0], entry.detail["removed"]) == ("pruned", "system", 5)
    write(2)
    status, text = audit("verify")
    assert (status, text.partition(",")[0]) == (0, f"3 entries since the checkpoint {audit_chain.last_checkpoint()}")
    assert audit_chain.last_checkpoint().entry == old[-1]


@pytest.mark.django_db
def test_a_forged_checkpoint_is_noticed() -> None:
    _, second, *_ = write()
    entry = AuditEntry.objects.get(pk=second)
    AuditCheckpoint.objects.create(entry=second, digest=entry.digest, removed=2, at=timezone.now())
    sql("DELETE FROM accweb_auditentry WHERE id <= %s", second)
    assert audit("verify") == (1, f"entries up to {second} were removed without an entry about it\n")


@pytest.mark.django_db
def test_a_log_that_was_tampered_with_is_not_pruned(tmp_path: Path) -> None:
    first, *_ = write()
    unprotected("UPDATE accweb_auditentry SET username = 'bob' WHERE id = %s", first)
    with pytest.raises(CommandError, match=f"entry {first} was changed"):
        call_command("audit", "prune", "--before", "0d", "--archive", str(tmp_path / "audit.jsonl"))
    assert AuditEntry.objects.count() == 5


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["verify", "--head", "17"], "is not a valid head"),
        (["prune", "--before", "then", "--archive", "/dev/null"], "is not a valid date"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(arguments: list[str], problem: str) -> None:
    with pytest.raises(CommandError, match=problem) as refused:
        call_command("audit", *arguments)
    assert refused.value.returncode == 2


@pytest.mark.django_db(transaction=True)
def test_entries_that_are_written_at_once_make_one_chain() -> None:
    User.objects.create(username="ann")
    writers = [in_background(write, 10) for _ in range(4)]
    for writer in writers:
        writer.result(PATIENCE)
    assert audit("verify")[1].startswith("40 entries, none changed")


@pytest.mark.django_db
def test_a_deed_that_is_rolled_back_leaves_no_gap_in_the_chain() -> None:
    write(1)
    with transaction.atomic():
        write(1)
        transaction.set_rollback(True)
    write(1)
    assert audit("verify")[0] == 0


@pytest.mark.django_db
def test_a_user_who_is_deleted_stays_in_the_log(admin_client: Client) -> None:
    write(1)
    user = User.objects.get(username="ann")
    admin_client.post(reverse("admin:auth_user_delete", args=[user.pk]), {"post": "yes"})
    assert not User.objects.filter(username="ann").exists()
    assert AuditEntry.objects.get(action="viewed").user_id == user.pk
    assert audit("verify")[0] == 0


@pytest.mark.django_db
def test_an_administrator_who_deletes_several_objects_at_once_leaves_an_entry_for_each(admin_client: Client) -> None:
    users = [User.objects.create(username=name) for name in ("bob", "eve")]
    chosen = {"action": "delete_selected", "_selected_action": [user.pk for user in users]}
    page = reverse("admin:auth_user_changelist")
    assert admin_client.post(page, chosen).status_code == 200
    assert not AuditEntry.objects.filter(action="deleted").exists()
    admin_client.post(page, {**chosen, "post": "yes"})
    deleted = AuditEntry.objects.filter(action="deleted", username="admin", address="127.0.0.1")
    assert {entry.target for entry in deleted} == {"user bob", "user eve"}
    assert not User.objects.filter(username="bob").exists()


@pytest.mark.django_db
def test_input_that_is_parsed_again_on_the_command_line_leaves_an_entry() -> None:
    rejected = make_rejected()
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("rejected", "replay", str(rejected.pk), stdout=out)
    entry = AuditEntry.objects.get(action="replayed")
    assert (entry.target, entry.detail["by"]) == (f"rejected input {rejected.pk}", "manage.py rejected replay")
    assert (entry.detail["waited"], entry.username.partition(":")[0]) == (1, "system")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "action", "target"),
    [
        (["source", "add", "--proxy", "kam1", "--kind", "http"], "added", "source kam1/http"),
        (["proxy", "add", "kam2"], "added", "proxy kam2"),
        (["export", "calls", "--caller", "alice"], "exported", "calls"),
    ],
)
def test_what_the_command_line_changes_or_takes_out_leaves_an_entry(
    arguments: list[str], action: str, target: str
) -> None:
    make_proxy()
    make_call()
    out = StringIO()
    call_command(*arguments, stdout=out)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target) == (action, target)
    assert out.getvalue().split("not shown again: ")[-1] not in str(entry.detail)  # no secret


@pytest.mark.django_db
def test_no_setting_of_a_source_is_in_the_entry_about_it() -> None:
    make_proxy()
    settings = ["--set", "listen=127.0.0.1:1813", "--set", "clients=127.0.0.1", "--set", "secret=correct-horse-7"]
    call_command("source", "add", "--proxy", "kam1", "--kind", "radius", *settings, stdout=StringIO())
    entry = AuditEntry.objects.get()
    assert entry.detail["settings"] == ["clients", "listen", "secret"]
    assert "horse" not in str(entry.detail)


@pytest.mark.django_db(transaction=True)
def test_entries_from_before_the_chain_are_chained_by_the_migration() -> None:
    executor = MigrationExecutor(connection)
    try:
        executor.migrate([("accweb", "0004_shared_counts")])
        old = executor.loader.project_state([("accweb", "0004_shared_counts")]).apps.get_model("accweb", "AuditEntry")
        for number in range(3):
            old.objects.create(
                at=timezone.now(), username="ann", action="viewed", target=f"call {number}", detail={"share": 0.5}
            )
    finally:
        executor.loader.build_graph()
        executor.migrate(executor.loader.graph.leaf_nodes())
    assert audit("verify")[1].startswith("3 entries, none changed")
