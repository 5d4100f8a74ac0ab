from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Commands and the admin of users. Tables belong to ``accweb.web``."""

    name = "accweb"
    label = "accweb_site"
