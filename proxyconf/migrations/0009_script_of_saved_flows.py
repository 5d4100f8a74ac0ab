from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("proxyconf", "0008_addresses_of_proxies")]
    operations = [
        migrations.AddField(model_name="savedflow", name="script", field=models.JSONField(blank=True, null=True)),
    ]
