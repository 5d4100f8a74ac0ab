"""On PostgreSQL, check once per batch of events that their source and proxy exist, not once per event and key.

The foreign keys of ``cdr_event`` were half of what the database spent on storing an event. ``cdr.storage.ingest`` locks
source and proxy in the transaction that stores events of theirs, and triggers refuse to delete either while it has
events. SQLite keeps the foreign keys.
"""

from django.db import migrations

_KEYS = {"proxy_id": "proxyconf_proxy", "source_id": "cdr_source"}


def drop_keys(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "cdr_event")
    for name, constraint in constraints.items():
        if constraint["foreign_key"] and constraint["columns"][0] in _KEYS:
            schema_editor.execute(f'ALTER TABLE cdr_event DROP CONSTRAINT "{name}"')
    for column, table in _KEYS.items():
        schema_editor.execute(
            f"""
            CREATE FUNCTION cdr_keep_{column}_of_events() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (SELECT FROM cdr_event WHERE {column} = OLD.id) THEN
                    RAISE foreign_key_violation USING MESSAGE = 'there are events of {table} ' || OLD.id;
                END IF;
                RETURN NULL;
            END $$
            """
        )
        schema_editor.execute(
            f"CREATE TRIGGER cdr_keep_{column}_of_events AFTER DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION cdr_keep_{column}_of_events()"
        )


def add_keys(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for column, table in _KEYS.items():
        schema_editor.execute(f"DROP TRIGGER cdr_keep_{column}_of_events ON {table}")
        schema_editor.execute(f"DROP FUNCTION cdr_keep_{column}_of_events()")
        schema_editor.execute(
            f"ALTER TABLE cdr_event ADD CONSTRAINT cdr_event_{column}_fk FOREIGN KEY ({column}) REFERENCES {table} (id)"
            " DEFERRABLE INITIALLY DEFERRED"
        )


class Migration(migrations.Migration):
    dependencies = [("cdr", "0018_heartbeat_of_exports"), ("proxyconf", "0001_initial")]

    operations = [migrations.RunPython(drop_keys, add_keys)]
