"""Django settings. Every option comes from the environment; see ``accweb.environment`` for wrong values."""

from datetime import timedelta
from pathlib import Path

from django.templatetags.static import static

from accweb import environment
from accweb.version import VERSION
from cdr.display.tracer import PLACEHOLDERS

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = environment.data_folder("ACCWEB_DATA_DIR", default=BASE_DIR / "data")

SECRET_KEY = environment.secret_key("SECRET_KEY", DATA_DIR)
SECRET_KEY_FALLBACKS = environment.former_secret_keys("SECRET_KEY_FALLBACKS")
DEBUG = environment.flag("DEBUG", default=False)
ALLOWED_HOSTS = environment.hosts("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
PORT = environment.number("PORT", default=8000, low=1, high=65535)
LOG_LEVEL = environment.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), default="INFO")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accweb",
    "accweb.web",
    "proxyconf",
    "cdr",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accweb.web.protection.ProtectionMiddleware",
    "accweb.web.preferences.PreferencesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accweb.web.second_factor.SecondFactorMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accweb.web.lockout.LockoutMiddleware",
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
                "accweb.identity.frame.frame",
                "accweb.web.shell.version",
            ],
        },
    },
]

DATABASES = {"default": environment.database("DATABASE_URL", default=DATA_DIR / "accweb.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SESSION_COOKIE_AGE = 60 * environment.number("ACCWEB_SESSION_MINUTES", default=120, low=5, high=43_200)  # idle
LONGEST_SESSION = 3600 * environment.number("ACCWEB_SESSION_HOURS", default=12, low=1, high=8760)  # in use

AUTHENTICATION_BACKENDS = ["accweb.web.lockout.CountedLogin"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "accweb" / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = "accweb.formats"

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # served directly from the packages, without collectstatic
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "cdr:start"

BEHIND_TLS = environment.flag("ACCWEB_HTTPS", default=False)
TRUSTED_PROXIES = environment.networks("ACCWEB_TRUSTED_PROXIES", default=["127.0.0.1", "::1"] if BEHIND_TLS else [])
"""The web servers in front, whose X-Forwarded-For is trusted."""
if BEHIND_TLS:  # a web server in front sets X-Forwarded-Proto and X-Forwarded-For
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = ["^healthz$", "^metrics$"]  # asked from within, past the web server in front
    SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds())
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SILENCED_SYSTEM_CHECKS = ["security.W021"]  # the owner of the domain decides about the preload list

# django-allauth: no self sign-up, no e-mail; what is too often is counted by accweb.web.throttle.
ACCOUNT_ADAPTER = "accweb.identity.adapters.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_UNIQUE_EMAIL = False
ACCOUNT_RATE_LIMITS = False
MFA_ADAPTER = "accweb.identity.adapters.SecondFactorAdapter"
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "authenticate": "accweb.identity.forms.CodeForm",
    "reauthenticate": "accweb.identity.forms.ConfirmingCodeForm",
    "activate_totp": "accweb.identity.forms.FirstCodeForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RATE_LIMITS = False
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "accweb"
MFA_TOTP_PERIOD = 30
MFA_TOTP_TOLERANCE = 1  # periods that a phone's clock may be off
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not BEHIND_TLS  # browsers allow it on localhost alone
SOCIALACCOUNT_ADAPTER = "accweb.identity.single_sign_on.SingleSignOnAdapter"
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5

OIDC_URL = environment.issuer("ACCWEB_OIDC_URL")
OIDC_NAME = environment.text("ACCWEB_OIDC_NAME") or "Single sign-on"
OIDC_GROUPS_CLAIM = environment.text("ACCWEB_OIDC_GROUPS_CLAIM") or "groups"
OIDC_ROLES = environment.pairs("ACCWEB_OIDC_ROLES")  # (the provider's group, the group here)
OIDC_SECOND_FACTOR = environment.flag("ACCWEB_OIDC_SECOND_FACTOR", default=False)  # the provider checks one
if OIDC_URL:
    environment.require("ACCWEB_OIDC_URL", "ACCWEB_OIDC_CLIENT_ID", "ACCWEB_OIDC_CLIENT_SECRET", "ACCWEB_OIDC_ROLES")
    SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "oidc",
                    "name": OIDC_NAME,
                    "client_id": environment.text("ACCWEB_OIDC_CLIENT_ID"),
                    "secret": environment.text("ACCWEB_OIDC_CLIENT_SECRET"),
                    "settings": {"server_url": OIDC_URL, "fetch_userinfo": False},
                }
            ],
        }
    }

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "accweb.log.OneLine", "format": "{asctime} {levelname} {name}: {message}", "style": "{"}
    },
    "filters": {"rate": {"()": "accweb.log.RateLimit"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["rate"]}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # Django's own handlers would write some records twice, or send mail.
    "loggers": {
        "django": {"handlers": [], "level": "NOTSET"},
        "django.server": {"handlers": [], "propagate": True},
        # They write two lines for each task, every second.
        "celery.app.trace": {"level": "NOTSET" if LOG_LEVEL == "DEBUG" else "WARNING"},
        "celery.beat": {"level": "NOTSET" if LOG_LEVEL == "DEBUG" else "WARNING"},
        "celery.worker.strategy": {"level": "NOTSET" if LOG_LEVEL == "DEBUG" else "WARNING"},
    },
}

NEXT_STEPS_READER = "cdr.monitoring.next_steps.next_steps"  # returns the steps after publishing a profile
SIMULATED_CALL_READER = "cdr.queries.simulated_calls.simulated_calls"  # makes calls from simulated records

LOGIN_ATTEMPTS = environment.number("ACCWEB_LOGIN_ATTEMPTS", default=5, low=1, high=100)  # wrong passwords
LOGIN_MINUTES = environment.number("ACCWEB_LOGIN_MINUTES", default=15, low=1, high=1440)  # that a lock-out lasts

API_RATE = environment.number("API_RATE", default=600, low=1, high=1_000_000)  # requests a minute
API_RATE_UNKNOWN = environment.number("API_RATE_UNKNOWN", default=30, low=1, high=1_000_000)
EVENTS_RATE = environment.number("ACCWEB_EVENTS_RATE", default=60_000, low=1, high=10_000_000)  # posts of a source
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accweb.web.api.access.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accweb.web.api.access.Granted"],
    "DEFAULT_THROTTLE_CLASSES": ["accweb.web.api.limits.RequestRate"],
    "DEFAULT_PARSER_CLASSES": ["accweb.web.api.bodies.SmallJSON"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "accweb.web.api.errors.answer",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "accweb",
    "VERSION": VERSION,
    "DESCRIPTION": "Call records made of the accounting of SIP proxies, and the proxies, sources and profiles behind "
    "them. All responses are JSON in UTF-8, all times ISO 8601 in UTC. Text that a proxy sent is returned unchanged: "
    "treat it as untrusted input. Members may be added to records; none is renamed or removed within a version.",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "cdr.api.schema.with_events",
        "accweb.api.schema.with_errors",
    ],
    "COMPONENT_SPLIT_REQUEST": True,
}

METRICS_TOKEN = environment.text("METRICS_TOKEN")
AUDIT_SYSLOG = environment.syslog_server("ACCWEB_AUDIT_SYSLOG")

TRACER_URL = environment.template_of_url("TRACER_URL", PLACEHOLDERS)  # where a call's page links to its SIP messages

EXPORT_DAYS = environment.number("ACCWEB_EXPORT_DAYS", default=7, low=1, high=3650)
EXPORTS_AT_ONCE = environment.number("ACCWEB_EXPORTS_AT_ONCE", default=1, low=1, high=100)  # each takes a worker

SPOOL_MEGABYTES = environment.number("ACCWEB_SPOOL_MEGABYTES", default=1024, low=0, high=1_000_000)  # of a source
FILE_ROOTS = environment.folders(
    "ACCWEB_FILE_ROOTS",
    default=[
        "/var/log",
        "/var/lib/kamailio",
        "/var/lib/opensips",
        "/etc/raddb",
        "/etc/freeradius",
        "/etc/radcli",
        "/etc/radiusclient",
        "/etc/radiusclient-ng",
        "/etc/kamailio",
        "/etc/opensips",
        "/etc/openser",
        "/usr/share/freeradius",
        str(DATA_DIR / "imports"),
    ],
)
"""Folders from which sources may read files (logs, dictionaries, SQLite databases)."""
TLS_FOLDERS = environment.folders("ACCWEB_TLS_FOLDERS", default=["/etc/accweb/tls", str(DATA_DIR / "tls")])
"""Folders of the certificates and keys of listeners; no source reads them as logs."""
SOURCE_NETWORKS = environment.networks("ACCWEB_SOURCE_NETWORKS", default=["0.0.0.0/0", "::/0"])
"""Networks in which the database servers of sources may be; link-local addresses are never allowed."""

MAIL_SERVER = environment.mail_server("EMAIL_URL")
MAIL_IS_SET_UP = bool(MAIL_SERVER)
EMAIL_HOST = MAIL_SERVER.get("host", "localhost")
EMAIL_PORT = MAIL_SERVER.get("port", 25)
EMAIL_HOST_USER = MAIL_SERVER.get("user", "")
EMAIL_HOST_PASSWORD = MAIL_SERVER.get("password", "")
EMAIL_USE_TLS = MAIL_SERVER.get("starttls", False)
EMAIL_USE_SSL = MAIL_SERVER.get("tls", False)
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM") or "accweb@localhost"
PUBLIC_URL = environment.web_address("ACCWEB_PUBLIC_URL")  # for links in mails

REDIS_URL = environment.redis("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL or None
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ALWAYS_EAGER = not REDIS_URL  # without Redis the scheduler of `up` and `collect` calls the tasks
CELERY_TASK_ACKS_LATE = True  # a killed worker must not lose a call
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    # Each is harmless to skip (the next run does the work of both), so none may pile up while no worker runs.
    "correlate": {"task": "cdr.tasks.correlate", "schedule": 1.0, "options": {"expires": 5}},
    "mark overdue": {"task": "cdr.tasks.mark_overdue", "schedule": 60.0, "options": {"expires": 60}},
    "write exports": {"task": "cdr.tasks.write_exports", "schedule": 2.0, "options": {"expires": 5}},
    "plan reports": {"task": "cdr.tasks.plan_reports", "schedule": 10.0, "options": {"expires": 10}},
    "forget old reports": {"task": "cdr.tasks.forget_old_reports", "schedule": 3600.0, "options": {"expires": 600}},
    "expire exports": {"task": "cdr.tasks.expire_exports", "schedule": 600.0, "options": {"expires": 600}},
    "forget expired": {"task": "accweb.web.tasks.forget_expired", "schedule": 600.0, "options": {"expires": 600}},
    "join volumes": {"task": "cdr.tasks.join_volumes", "schedule": 30.0, "options": {"expires": 30}},
    "forward audit log": {"task": "accweb.web.tasks.forward_audit_log", "schedule": 5.0, "options": {"expires": 5}},
    "log audit head": {"task": "accweb.web.tasks.log_audit_head", "schedule": 3600.0, "options": {"expires": 3600}},
}

UNFOLD = {
    "SITE_TITLE": "accweb",
    "SITE_HEADER": "accweb",
    "SITE_SYMBOL": "call_log",
    "SITE_URL": None,  # there is no separate site: the pages are in the same frame
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("accweb/icon.svg")},
    ],
    "STYLES": [lambda request: static("accweb/app.css")],
    "SIDEBAR": {"navigation": "accweb.web.navigation.sidebar"},
    "ACCOUNT": {"navigation": "accweb.web.navigation.account"},
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {  # petrol: unlike the colours of states, and dark enough for text
            "50": "oklch(97.5% .014 220)",
            "100": "oklch(94.5% .029 220)",
            "200": "oklch(89.5% .052 220)",
            "300": "oklch(82% .085 220)",
            "400": "oklch(73% .108 222)",
            "500": "oklch(63% .112 224)",
            "600": "oklch(51.5% .098 227)",
            "700": "oklch(44.5% .085 229)",
            "800": "oklch(39% .072 231)",
            "900": "oklch(34% .06 233)",
            "950": "oklch(26% .046 235)",
        },
    },
}
