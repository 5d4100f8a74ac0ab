"""How log records are written."""

import logging
import re

_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")


class OneLine(logging.Formatter):
    """One line per record, tracebacks included: text from a proxy cannot forge a record of its own."""

    def format(self, record: logging.LogRecord) -> str:
        return _BREAKS.sub(lambda match: ascii(match[0])[1:-1], super().format(record))
