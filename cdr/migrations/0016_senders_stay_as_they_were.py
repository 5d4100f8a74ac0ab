"""Until now a listener without senders accepted everybody; from now on it accepts the addresses of its proxy."""

from django.db import migrations

EVERYBODY = ["0.0.0.0/0", "::/0"]


def name_everybody(apps, schema_editor):
    sources = apps.get_model("cdr", "Source").objects.filter(kind__in=("syslog", "events", "diameter"))
    for source in sources:
        if not source.settings.get("senders"):
            source.settings["senders"] = EVERYBODY
            source.save(update_fields=["settings"])


class Migration(migrations.Migration):
    dependencies = [("cdr", "0015_radsec")]

    operations = [migrations.RunPython(name_everybody, migrations.RunPython.noop)]
