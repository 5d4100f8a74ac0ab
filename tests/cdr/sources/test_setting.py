from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.sources import KINDS
from cdr.sources.network import Radius, Syslog
from cdr.sources.setting import Secret, SettingsError

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def problems(kind: type[Any], given: dict[str, Any]) -> dict[str, str]:
    """What is wrong with settings; nothing where they are taken."""
    try:
        kind.parse(given)
    except SettingsError as error:
        return error.problems
    return {}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@given(value=_JSON)
def test_whatever_is_given_is_taken_or_refused_by_name(kind: type[Any], value: object) -> None:
    for name in kind.declared():
        assert problems(kind, {name: value}).keys() <= kind.declared().keys()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("127.0.0.1:514", "127.0.0.1:514"),
        ("[::1]:514", "[::1]:514"),
        ("*:514", ":514"),
        ("514", ":514"),
        ("0.0.0.0:0", "0.0.0.0:0"),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, shown: str) -> None:
    assert str(Syslog.parse({"listen": text}).listen) == shown


@pytest.mark.parametrize("text", ["localhost:514", "127.0.0.1:70000", "127.0.0.1:", "1.2.3:5"])
def test_what_is_no_address_to_listen_at_is_refused(text: str) -> None:
    assert "listen" in problems(Syslog, {"listen": text})


def test_every_problem_is_told_at_once() -> None:
    assert set(problems(Radius, {"clients": "everybody", "colour": "red"})) == {"clients", "secret", "colour"}


def test_a_list_may_be_given_as_text() -> None:
    by_text = Syslog.parse({"senders": "kam1, 10.0.0.0/8\nkam2@10.0.0.5"})
    assert by_text == Syslog.parse({"senders": ["kam1", "10.0.0.0/8", "kam2@10.0.0.5"]})


def test_a_secret_is_sealed_or_in_the_environment() -> None:
    assert Radius.parse({"clients": "10.0.0.1", "secret": {"sealed": "x"}}).secret == Secret(sealed="x")
    assert Radius.parse({"clients": "10.0.0.1", "secret": "env:ACCWEB_SOURCE_SECRET_NAME"}).secret == Secret(
        variable="ACCWEB_SOURCE_SECRET_NAME"
    )
    assert "testing123" not in problems(Radius, {"clients": "10.0.0.1", "secret": "testing123"})["secret"]


def test_sources_that_share_an_address_share_their_service() -> None:
    first, second = (Syslog.parse({"listen": "127.0.0.1:514", "senders": name}) for name in ("kam1", "kam2"))
    assert first.service("1") == second.service("2") != Syslog.parse({}).service("3")
