from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.simulate.transforming import transformed


@pytest.mark.parametrize(
    ("transformation", "text"),
    [
        ("s.substr,2,5", "ample"),
        ("s.substr,-3,0", "1.0"),
        ("s.select,1, ", "Phone"),
        ("s.select,9, ", ""),
        ("s.strip,3", "mple Phone 1.0"),
        ("s.striptail,4", "Example Phone"),
        ("s.rm,e", "Exampl Phon 1.0"),
        ("s.toupper", "EXAMPLE PHONE 1.0"),
        ("s.escape.common", "Example Phone 1.0"),
    ],
)
def test_what_a_transformation_makes_of_a_text(transformation: str, text: str) -> None:
    assert transformed("Example Phone 1.0", transformation) == text


@pytest.mark.parametrize(
    "transformation", ["s.nosuch", "s.substr", "s.substr,0,99", "s.substr,a,b", "s.select,1", "", "re.subst,/a/b/"]
)
def test_what_is_not_known_is_not_guessed(transformation: str) -> None:
    assert transformed("Example", transformation) is None


@given(st.text(), st.sampled_from(["s.substr", "s.select", "s.strip", "s.striptail", "s.rm"]), st.text(max_size=6))
def test_any_text_and_argument_can_be_tried(text: str, name: str, arguments: str) -> None:
    found = transformed(text, f"{name},{arguments}")
    assert found is None or isinstance(found, str)
