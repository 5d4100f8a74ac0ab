from django.db import migrations, models
from django.db.models import F

import cdr.models.fields
from cdr.queries.trigrams import NAME, make_index


def index_parts_of_numbers(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor == "postgresql" and (problem := make_index(connection)):
        print(f"\n  without an index for parts of numbers: {problem} (later: manage.py index_numbers)", end=" ")


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX IF EXISTS {NAME}")


def newest_of(party):
    return (cdr.models.fields.Beginning(party), F("started_at").desc(), F("id").desc())


class Migration(migrations.Migration):
    dependencies = [("cdr", "0007_volumes_of_stored_calls")]
    operations = [
        migrations.AddIndex("call", models.Index(*newest_of("caller"), name="call_by_caller")),
        migrations.AddIndex("call", models.Index(*newest_of("callee"), name="call_by_callee")),
        migrations.AddIndex(
            "call",
            models.Index(
                fields=["-started_at", "-id"],
                name="call_that_failed",
                condition=models.Q(outcome__in=["failed", "not_found", "redirected", "unauthorized"]),
            ),
        ),
        migrations.RunPython(index_parts_of_numbers, drop_index),
    ]
