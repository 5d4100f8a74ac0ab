from django.apps import AppConfig


class ProxyconfConfig(AppConfig):
    name = "proxyconf"
    verbose_name = "Proxy configuration"
    default_auto_field = "django.db.models.BigAutoField"
