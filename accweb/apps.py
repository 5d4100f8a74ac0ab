from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks


class SiteConfig(AppConfig):
    """Commands and the admin of users. Tables belong to ``accweb.web``."""

    name = "accweb"
    label = "accweb_site"

    def ready(self) -> None:
        checks.register(closed_data_folder)


def closed_data_folder(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[checks.CheckMessage]:
    """Warn of a data folder, or files in it, that other users may read and that the settings could not close."""
    from django.conf import settings

    from accweb.environment import open_to_others

    return [
        checks.Warning(
            f"{path} belongs to another user, and others may read it.",
            hint=f"It holds secrets or call records: chown it to accweb's user, or chmod go-rwx {path}.",
            id="accweb.W001",
        )
        for path in open_to_others(settings.DATA_DIR)
    ]
