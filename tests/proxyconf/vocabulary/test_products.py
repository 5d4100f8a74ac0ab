"""Versions of the proxies."""

from __future__ import annotations

import pytest

from proxyconf.vocabulary.products import Version


@pytest.mark.parametrize(("text", "version"), [("5.6.3", (5, 6, 3)), ("5.6", (5, 6, 0)), ("v3", (3, 0, 0))])
def test_a_version_is_read(text: str, version: tuple[int, int, int]) -> None:
    assert Version.parse(text) == version


@pytest.mark.parametrize("text", ["", "five", "5.6.3.1", "5..6"])
def test_what_is_no_version_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        Version.parse(text)


def test_versions_are_ordered_by_number() -> None:
    assert Version.parse("5.10") > Version.parse("5.9.3")


def test_a_version_is_written_as_people_write_it() -> None:
    assert [str(Version.parse(text)) for text in ("5.6.3", "5.6")] == ["5.6.3", "5.6"]
