"""Layouts and lines of the syslog tests."""

from __future__ import annotations

# Extras and legs

EXTRAS = ("ua", "uuid", "src_ip")


LEGS = ("src", "dst", "type")


def legs(*sets: tuple[bytes, bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return [pair for one in sets for pair in zip((b"src", b"dst", b"type"), one, strict=True)]
