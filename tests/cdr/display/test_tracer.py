from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cdr.display.tracer import PLACEHOLDERS, address

NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)


def test_the_values_are_percent_encoded_whole() -> None:
    assert address("https://t/?c={call_id}&x=1", "a/b&c=d #é@h", NOON, NOON) == (
        "https://t/?c=a%2Fb%26c%3Dd%20%23%C3%A9%40h&x=1"
    )


def test_the_time_reaches_a_minute_beyond_the_call_on_both_sides() -> None:
    template = "https://t/{from}/{to}/{from_ms}/{to_ms}"
    assert address(template, "", NOON, NOON + timedelta(seconds=42)) == (
        "https://t/2026-05-31T11%3A59%3A00Z/2026-05-31T12%3A01%3A42Z/1780228740000/1780228902000"
    )


def test_a_call_id_that_looks_like_a_placeholder_is_a_call_id() -> None:
    assert address("https://t/{call_id}", "{from}", NOON, NOON) == "https://t/%7Bfrom%7D"


def test_every_placeholder_is_filled_in() -> None:
    for name in PLACEHOLDERS:
        assert "{" not in address(f"https://t/{{{name}}}", "x", NOON, NOON)
