from django.apps import AppConfig


class CdrConfig(AppConfig):
    name = "cdr"
    verbose_name = "Call records"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from cdr.queries import patterns  # noqa: F401  # registers SQL functions on each new connection
