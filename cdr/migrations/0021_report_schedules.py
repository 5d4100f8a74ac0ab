import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cdr', '0020_export_spreadsheet_safe'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ReportSchedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('content', models.CharField(choices=[('report', 'report'), ('export', 'export of calls')], default='report', max_length=8)),
                ('conditions', models.TextField(blank=True, default='')),
                ('columns', models.JSONField(default=list)),
                ('format', models.CharField(max_length=16, verbose_name='format')),
                ('period', models.CharField(max_length=16, verbose_name='period')),
                ('interval', models.CharField(choices=[('daily', 'every day'), ('weekly', 'every week'), ('monthly', 'every month')], max_length=8)),
                ('weekday', models.IntegerField(default=1)),
                ('day', models.IntegerField(default=1)),
                ('at', models.TimeField()),
                ('zone', models.CharField(max_length=64)),
                ('target', models.CharField(choices=[('email', 'e-mail'), ('webhook', 'webhook')], max_length=8)),
                ('recipients', models.JSONField(default=list)),
                ('url', models.TextField(blank=True, default='')),
                ('next_at', models.DateTimeField(null=True)),
                ('stopped_because', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='report_schedules', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name', 'id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ScheduledRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('due_at', models.DateTimeField()),
                ('key', models.UUIDField(default=uuid.uuid4, unique=True)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('sending', 'sending'), ('sent', 'sent'), ('failed', 'failed'), ('unclear', 'unclear')], default='waiting', max_length=8)),
                ('tries', models.IntegerField(default=0)),
                ('next_try_at', models.DateTimeField(null=True)),
                ('error', models.TextField(blank=True, default='')),
                ('receivers', models.TextField(blank=True, default='')),
                ('since', models.DateTimeField(null=True)),
                ('until', models.DateTimeField(null=True)),
                ('size', models.BigIntegerField(null=True)),
                ('masked', models.BooleanField(default=False)),
                ('finished_at', models.DateTimeField(null=True)),
                ('schedule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='cdr.reportschedule')),
            ],
            options={
                'ordering': ['-due_at', '-id'],
                'default_permissions': (),
            },
        ),
        migrations.AddIndex(
            model_name='reportschedule',
            index=models.Index(fields=['next_at'], name='schedule_due'),
        ),
        migrations.AddIndex(
            model_name='scheduledrun',
            index=models.Index(fields=['next_try_at'], name='scheduled_run_next_try'),
        ),
        migrations.AddConstraint(
            model_name='scheduledrun',
            constraint=models.UniqueConstraint(fields=('schedule', 'due_at'), name='scheduled_run_once'),
        ),
    ]
