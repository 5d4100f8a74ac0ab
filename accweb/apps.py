from django.apps import AppConfig


class AccwebConfig(AppConfig):
    name = "accweb"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accweb import watching  # noqa: F401  # its receivers connect themselves
