"""JSON as proxies write it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import Unparsable
from cdr.formats.json_values import json_integer, json_object, json_text, sip_code


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"a": "b"}', "b"),
        (b'{"a": null}', ""),
        (b'{"a": 5060}', "5060"),
        (b'{"a": true}', "true"),
        (b'{"a": {"b": ["c"]}}', '{"b": ["c"]}'),
        ('{"a": "☎"}'.encode(), "☎"),
        (rb'{"a": "\u260e"}', "☎"),
        (b'{"a": "x\xff"}', "x\\xff"),
        (b'{"a": "x\ty"}', "x\ty"),
        (rb'{"a": "\u0000"}', "\\x00"),
        (rb'{"a": "\ud800x"}', "\\ud800x"),
    ],
)
def test_values_become_text_that_can_be_stored(raw: bytes, text: str) -> None:
    assert json_text(json_object(raw)["a"]) == text


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not a JSON object"),
        (b'{"a": "b', "was it cut?"),
        (b'{"a": NaN}', "NaN is not valid JSON"),
        (b"[1]", "this is a list"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "not a JSON object"),
    ],
)
def test_anything_else_is_refused_with_the_reason(raw: bytes, says: str) -> None:
    with pytest.raises(Unparsable) as raised:
        json_object(raw)
    assert says in str(raised.value)


@pytest.mark.parametrize(("value", "number"), [(200, 200), ("200", 200), ("", 0), (None, 0)])
def test_codes_come_as_numbers_or_digits(value: Any, number: int) -> None:
    assert sip_code(value) == number


@pytest.mark.parametrize("value", ["2OO", "٢٠٠", 2.5, True, [], {}, "1000", -1, 10**30])
def test_what_is_no_code_is_refused(value: Any) -> None:
    with pytest.raises(Unparsable, match="member 'sip_code' is"):
        sip_code(value)


@pytest.mark.parametrize("value", [1.0, False, "-1", [5]])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(Unparsable, match="member 'time' is"):
        json_integer(value, "time")


@given(st.text())
def test_any_text_can_be_stored(text: str) -> None:
    stored = json_text(text)
    assert "\0" not in stored
    assert stored.encode().decode() == stored
