from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "accweb.web"
    label = "accweb"  # that of its tables and permissions
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib import admin

        from accweb.web import audit_signals  # its receivers connect themselves

        admin.site.add_action(audit_signals.delete_selected, "delete_selected")
