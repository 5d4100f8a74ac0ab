"""Dates as in English; numbers with a decimal comma and thin spaces between thousands."""

from accweb.formats.en.formats import (  # noqa: F401 - Django reads them here
    DATE_FORMAT,
    DATETIME_FORMAT,
    SHORT_DATE_FORMAT,
    SHORT_DATETIME_FORMAT,
    TIME_FORMAT,
)

DECIMAL_SEPARATOR = ","
THOUSAND_SEPARATOR = "\u202f"
