"""Every switch comes from the environment; a wrong value stops the start with one line that says its name."""

import secrets
import sys
from pathlib import Path
from typing import NoReturn

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def _stop(name: str, problem: object, remedy: str) -> NoReturn:
    sys.exit(f"accweb: {name}: {problem}; {remedy}")


DATA_DIR = Path(env.str("ACCWEB_DATA_DIR", default=str(BASE_DIR / "data")))
try:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
except OSError as error:
    _stop("ACCWEB_DATA_DIR", error, "name a folder that can be written to")


def _kept_secret(file: Path) -> str:
    """Return the secret kept in ``file``, made once."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(50))
    return file.read_text()


SECRET_KEY = env.str("SECRET_KEY", default="") or _kept_secret(DATA_DIR / "secret-key")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "proxyconf",
    "cdr",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "accweb.urls"
WSGI_APPLICATION = "accweb.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR}/accweb.sqlite3")}
match DATABASES["default"]["ENGINE"]:
    case "django.db.backends.sqlite3":
        # WAL: readers never wait for the one writer; IMMEDIATE: writers queue at BEGIN (busy timeout) and never fail
        # half-way with "database is locked".
        DATABASES["default"]["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 60,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    case "django.db.backends.postgresql":
        pass
    case _:
        _stop(
            "DATABASE_URL", "neither SQLite nor PostgreSQL", "use sqlite:///FILE or postgresql://user:password@host/db"
        )

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "admin:login"

REDIS_URL = env.str("REDIS_URL", default="")
CELERY_BROKER_URL = REDIS_URL or None
CELERY_TASK_ACKS_LATE = True  # a killed worker must not lose a call
CELERY_TASK_IGNORE_RESULT = True

UNFOLD = {"SITE_TITLE": "accweb", "SITE_HEADER": "accweb"}
