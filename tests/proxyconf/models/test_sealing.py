"""Database passwords are encrypted at rest, with the key of the installation or one of its earlier keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.models.sealing import (
    Unreadable,
    resealed,
    seal,
    sealed_options,
    sealed_parameters,
    unreadable,
    unseal,
    unsealed_options,
    unsealed_parameters,
)

URL = "mysql://kamailio:s3cret@db/kamailio"
OLD, NEW = "the-key-of-yesterday", "the-key-of-today"


@pytest.fixture
def keys(settings: Any) -> Any:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    return settings


@given(st.text())
def test_what_is_sealed_is_unsealed_and_does_not_show_the_text(text: str) -> None:
    sealed = seal(text)
    assert unseal(sealed) == text
    assert len(text) < 4 or text not in sealed


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert seal(URL) != seal(URL)


def test_another_key_cannot_read_it(keys: Any) -> None:
    sealed = seal(URL)
    keys.SECRET_KEY = NEW
    with pytest.raises(Unreadable, match="SECRET_KEY_FALLBACKS"):
        unseal(sealed)


def test_a_fallback_key_can_read_it(keys: Any) -> None:
    sealed = seal(URL)
    keys.SECRET_KEY, keys.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert unseal(sealed) == URL


@pytest.mark.parametrize("text", ["", "plain", "gAAAA" + "x" * 100])
def test_text_that_was_not_sealed_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        unseal(text)


def test_resealing_moves_every_secret_to_the_key_of_today(keys: Any) -> None:
    stored = {
        "options": {"db_url": {"sealed": seal(URL)}, "log_level": 2},
        "others": [["tm", "x", {"sealed": seal("y")}]],
    }
    keys.SECRET_KEY, keys.SECRET_KEY_FALLBACKS = NEW, [OLD]
    moved = resealed(stored)
    keys.SECRET_KEY_FALLBACKS = []
    assert unseal(moved["options"]["db_url"]["sealed"]) == URL
    assert unseal(moved["others"][0][2]["sealed"]) == "y"
    assert moved["options"]["log_level"] == 2


def test_resealing_leaves_what_no_key_can_read(keys: Any) -> None:
    stored = {"db_url": {"sealed": seal(URL)}}
    keys.SECRET_KEY = NEW
    assert resealed(stored) == stored


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda items: st.lists(items) | st.dictionaries(st.text(), items),
    )
)
def test_data_without_secrets_stay_and_nothing_of_them_is_unreadable(data: Any) -> None:
    assert resealed(data) == data
    assert unreadable(data, "data") == []


def test_secrets_that_no_key_can_read_are_named_by_their_place(keys: Any) -> None:
    stored = {"options": {"db_url": {"sealed": seal(URL)}}, "others": [["m", "n", {"sealed": seal(URL)}]]}
    assert unreadable(stored, "edge-1") == []
    keys.SECRET_KEY = NEW
    assert unreadable(stored, "edge-1") == ["edge-1.options.db_url", "edge-1.others"]


def test_options_that_hold_a_password_are_sealed_and_no_others() -> None:
    options = {"db_url": URL, "log_level": 2, "log_facility": "LOG_LOCAL0", "acc_json.x": "http://u:p@host/"}
    sealed = sealed_options(options)
    assert {key for key, value in sealed.items() if isinstance(value, dict)} == {"db_url", "acc_json.x"}
    assert "s3cret" not in repr(sealed)
    assert unsealed_options(sealed) == (options, [])


def test_an_option_that_cannot_be_read_is_left_out_and_named(keys: Any) -> None:
    sealed = sealed_options({"db_url": URL, "log_level": 2})
    keys.SECRET_KEY = NEW
    assert unsealed_options(sealed) == ({"log_level": 2}, ["db_url"])


def test_only_urls_with_a_password_are_sealed_in_other_parameters() -> None:
    parameters: list[list[Any]] = [["usrloc", "db_url", URL], ["tm", "fr_timer", 5], ["tls", "config", "/etc/tls.cfg"]]
    sealed = sealed_parameters(parameters)
    assert [isinstance(value, dict) for _module, _name, value in sealed] == [True, False, False]
    assert unsealed_parameters(sealed) == (parameters, [])


def test_a_parameter_that_cannot_be_read_is_left_out_and_named(keys: Any) -> None:
    sealed = sealed_parameters([["usrloc", "db_url", URL], ["tm", "fr_timer", 5]])
    keys.SECRET_KEY = NEW
    assert unsealed_parameters(sealed) == ([["tm", "fr_timer", 5]], ["usrloc.db_url"])
