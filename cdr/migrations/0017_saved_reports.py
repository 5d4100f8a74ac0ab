from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cdr', '0016_senders_stay_as_they_were'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='savedview',
            name='saved_view_name_unique_per_owner',
        ),
        migrations.AddField(
            model_name='savedview',
            name='kind',
            field=models.CharField(choices=[('list', 'list of calls'), ('report', 'report')], default='list', max_length=8),
        ),
        migrations.AddIndex(
            model_name='call',
            index=models.Index(condition=models.Q(('duration_kind__in', ['at_least', 'at_most'])), fields=['-started_at', '-id'], name='call_with_bound'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(fields=('owner', 'kind', 'name'), name='saved_view_name_unique_per_owner'),
        ),
    ]
