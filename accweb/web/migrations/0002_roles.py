from django.db import migrations

ROLES_SINCE_HERE = ("viewer", "analyst", "operator", "administrator")


def make_groups(apps, schema_editor):
    """Make the groups with their permissions; one that an administrator made by that name before is left as it is."""
    from django.apps import apps as installed
    from django.contrib.auth.management import create_permissions

    from accweb.web.roles import ROLES

    for label in ("auth", "accweb", "cdr", "proxyconf"):  # else they would be made after the last migration only
        create_permissions(installed.get_app_config(label), apps=apps, verbosity=0, using=schema_editor.connection.alias)
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    known = {f"{one.content_type.app_label}.{one.codename}": one for one in Permission.objects.select_related("content_type")}
    for name in ROLES_SINCE_HERE:
        group, made = Group.objects.get_or_create(name=name)
        if made:
            group.permissions.set([known[permission] for permission in ROLES[name]])


class Migration(migrations.Migration):
    dependencies = [
        ("accweb", "0001_initial"),
        ("cdr", "0006_browsing_exports_and_volume"),
        ("proxyconf", "0004_proxy_limits"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
