from django.db import migrations

from accweb.web.audit_chain import digest_of

BATCH = 2000

SQLITE = (
    """
    CREATE TRIGGER accweb_audit_no_update BEFORE UPDATE ON accweb_auditentry
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: entries cannot be changed'); END
    """,
    # REPLACE deletes without asking the trigger of DELETE.
    """
    CREATE TRIGGER accweb_audit_no_replace BEFORE INSERT ON accweb_auditentry
    WHEN EXISTS (SELECT 1 FROM accweb_auditentry WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: entries cannot be replaced'); END
    """,
    """
    CREATE TRIGGER accweb_audit_no_delete BEFORE DELETE ON accweb_auditentry
    WHEN OLD.id > (SELECT coalesce(max(entry), 0) FROM accweb_auditcheckpoint)
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: use manage.py audit prune'); END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION accweb_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the audit log is append-only: entries cannot be changed'; END $$
    """,
    """
    CREATE FUNCTION accweb_audit_refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.id > (SELECT coalesce(max(entry), 0) FROM accweb_auditcheckpoint) THEN
            RAISE EXCEPTION 'the audit log is append-only: use manage.py audit prune';
        END IF;
        RETURN OLD;
    END $$
    """,
    "CREATE TRIGGER accweb_audit_no_update BEFORE UPDATE ON accweb_auditentry"
    " FOR EACH ROW EXECUTE FUNCTION accweb_audit_refuse()",
    "CREATE TRIGGER accweb_audit_no_delete BEFORE DELETE ON accweb_auditentry"
    " FOR EACH ROW EXECUTE FUNCTION accweb_audit_refuse_deletion()",
    "CREATE TRIGGER accweb_audit_no_truncate BEFORE TRUNCATE ON accweb_auditentry"
    " FOR EACH STATEMENT EXECUTE FUNCTION accweb_audit_refuse()",
)
POSTGRESQL_BACK = (
    "DROP TRIGGER accweb_audit_no_truncate ON accweb_auditentry",
    "DROP TRIGGER accweb_audit_no_delete ON accweb_auditentry",
    "DROP TRIGGER accweb_audit_no_update ON accweb_auditentry",
    "DROP FUNCTION accweb_audit_refuse_deletion()",
    "DROP FUNCTION accweb_audit_refuse()",
)
SQLITE_BACK = (
    "DROP TRIGGER accweb_audit_no_delete",
    "DROP TRIGGER accweb_audit_no_replace",
    "DROP TRIGGER accweb_audit_no_update",
)


def chain_entries(apps, schema_editor):
    """Give the entries that there are a digest each; what happened to them before cannot be told any more."""
    entries = apps.get_model("accweb", "AuditEntry").objects
    head, _ = apps.get_model("accweb", "AuditHead").objects.get_or_create(pk=1)
    while batch := list(entries.filter(pk__gt=head.entry).order_by("pk")[:BATCH]):
        for entry in batch:
            entry.previous = head.digest
            entry.digest = digest_of(entry)
            head.entry, head.digest = entry.pk, entry.digest
        entries.bulk_update(batch, ["previous", "digest"], batch_size=200)
    head.save()


def refuse_changes(apps, schema_editor):
    run(schema_editor, {"sqlite": SQLITE, "postgresql": POSTGRESQL})


def allow_changes(apps, schema_editor):
    run(schema_editor, {"sqlite": SQLITE_BACK, "postgresql": POSTGRESQL_BACK})


def run(schema_editor, statements):
    with schema_editor.connection.cursor() as cursor:
        for statement in statements.get(schema_editor.connection.vendor, ()):
            cursor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("accweb", "0005_audit_chain")]

    operations = [
        migrations.RunPython(chain_entries, migrations.RunPython.noop),
        migrations.RunPython(refuse_changes, allow_changes),
    ]
