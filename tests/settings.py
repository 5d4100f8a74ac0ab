"""The project's settings, over a data folder and a database that belong to this run of the tests alone.

``TEST_DATABASE`` says which: ``sqlite`` (the default) or ``postgresql``. The server of the latter is the one that
``TEST_POSTGRESQL_URL`` or ``DATABASE_URL`` names (the tests make and drop a database of their own there), else one
that is started for the run. ``TEST_REDIS_URL`` or ``REDIS_URL`` may name a Redis server (``tests/conftest.py``).
"""

import os
import tempfile
from pathlib import Path

from tests import servers

_home = servers.folder()
_redis = os.environ.pop("REDIS_URL", "")
os.environ.setdefault("TEST_REDIS_URL", _redis)
os.environ["ACCWEB_DATA_DIR"] = str(_home)
os.environ["ACCWEB_FILE_ROOTS"] = f"{tempfile.gettempdir()},{Path(__file__).parent}"
os.environ["PYTHONWARNINGS"] = "default"  # for the commands that tests run
for _name in (
    "DEBUG",
    "ALLOWED_HOSTS",
    "PORT",
    "LOG_LEVEL",
    "SECRET_KEY",
    "ACCWEB_HTTPS",
    "ACCWEB_OIDC_URL",
    "ACCWEB_OIDC_ROLES",
    "TRACER_URL",
    "ACCWEB_EXPORT_DAYS",
    "ACCWEB_EXPORTS_AT_ONCE",
    "ACCWEB_SPOOL_MEGABYTES",
    "EMAIL_URL",
    "EMAIL_FROM",
    "ACCWEB_PUBLIC_URL",
):
    os.environ.pop(_name, None)

match os.environ.get("TEST_DATABASE", "sqlite"):
    case "sqlite":
        os.environ["DATABASE_URL"] = f"sqlite:///{_home}/accweb.sqlite3"
    case "postgresql":
        _named = os.environ.get("TEST_POSTGRESQL_URL") or os.environ.get("DATABASE_URL", "")
        os.environ["DATABASE_URL"] = _named if _named.startswith("postgres") else servers.postgresql()
        os.environ["TEST_POSTGRESQL_URL"] = os.environ["DATABASE_URL"]
    case _other:
        raise SystemExit(f"TEST_DATABASE: {_other!r} is unknown; use sqlite or postgresql")

from accweb.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file, not memory: WAL and its locks behave as in earnest, and the processes that tests start can open it.
    DATABASES["default"]["TEST"] = {"NAME": str(_home / "test.sqlite3")}  # noqa: F405

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True  # looks files up when asked, instead of listing them all for each test client
