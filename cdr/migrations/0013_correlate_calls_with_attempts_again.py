from django.db import migrations

_MARK = """
    INSERT INTO cdr_pending (call_key)
    SELECT DISTINCT call_key FROM cdr_call WHERE id IN (SELECT call_id FROM cdr_attempt)
    ON CONFLICT DO NOTHING
"""


def mark_calls_with_attempts(apps, schema_editor):
    """Let the correlator fill in the extra fields, legs and gateway of attempts; the events hold them."""
    schema_editor.execute(_MARK)


class Migration(migrations.Migration):
    dependencies = [("cdr", "0012_attempts_with_their_own_fields")]
    operations = [migrations.RunPython(mark_calls_with_attempts, migrations.RunPython.noop)]
