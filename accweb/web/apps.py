from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "accweb.web"
    label = "accweb"  # that of its tables and permissions
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accweb.web import audit_signals  # noqa: F401  # its receivers connect themselves
