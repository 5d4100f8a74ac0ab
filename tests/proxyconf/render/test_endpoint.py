"""What goes into files without quotes is checked before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.render.endpoint import checked_host, checked_port


@pytest.mark.parametrize("host", ["localhost", "accweb.example.net", "192.0.2.7", "2001:db8::1", "a_b-c"])
def test_names_and_addresses_are_accepted(host: str) -> None:
    assert checked_host(host) == host


@pytest.mark.parametrize("host", ["", "a b", "a;b", 'a"', "a/b", "a\nb", "[::1]", "ü"])
def test_anything_else_is_refused_with_an_example(host: str) -> None:
    with pytest.raises(ValueError, match="is not a valid host name or address; write it like accweb"):
        checked_host(host)


@given(st.text(max_size=20))
def test_no_host_holds_a_character_that_a_file_could_misread(host: str) -> None:
    try:
        checked_host(host)
    except ValueError:
        return
    assert not set(host) & set(" \t\n\r\"'#;{}()<>|&$\\/")


@given(st.integers())
def test_ports_are_from_1_to_65535(port: int) -> None:
    if 1 <= port <= 65535:
        assert checked_port(port) == port
    else:
        with pytest.raises(ValueError, match="is not a valid port"):
            checked_port(port)
