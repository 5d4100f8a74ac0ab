import logging
import sys

from accweb.log import OneLine


def _record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("accweb", logging.ERROR, __file__, 1, message, arguments, None)


def test_a_record_is_one_line_whatever_text_a_proxy_put_into_it() -> None:
    assert OneLine().format(_record("bad line %s", "a\r\nb\x1b[2Jc\u2028d")) == "bad line a\\r\\nb\\x1b[2Jc\\u2028d"


def test_a_traceback_is_part_of_the_line() -> None:
    record = _record("failed")
    try:
        raise ValueError("why")
    except ValueError:
        record.exc_info = sys.exc_info()
    line = OneLine().format(record)
    assert "\n" not in line
    assert "ValueError: why" in line
