"""The fields in which the layout of a proxy is entered."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.layout_form import Labels, LabelsField, PairsField

_words = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]*", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("src_user dst_user", ("src_user", "dst_user")),
        ("src_user, dst_user;", ("src_user", "dst_user")),
        ("src_user=$fU;dst_user=$rU", ("src_user", "dst_user")),
        ("src_user = $fU ; dst_user = $rU;", ("src_user", "dst_user")),
        ("db: caller->src_user; callee->dst_user", ("src_user", "dst_user")),
        ("caller->src_user", ("src_user",)),
        ("", ()),
    ],
)
def test_labels_are_read_as_words_or_as_the_value_of_a_parameter(text: str, labels: tuple[str, ...]) -> None:
    assert tuple(Labels.read(text)) == labels


def test_the_variables_of_labels_are_known_where_they_were_entered() -> None:
    assert Labels.read("a=$fU; b=$(hdr(X){s.select,0,;})").variables["a"] == "$fU"
    assert Labels.read("a b").variables == {}


@pytest.mark.parametrize("text", ["a=$fU;b", "$fU", "a=$fU;=x"])
def test_what_is_not_a_label_is_quoted(text: str) -> None:
    with pytest.raises(ValidationError, match="is not a valid label"):
        LabelsField().clean(text)


def test_an_empty_field_is_unknown_and_a_dash_is_no_labels() -> None:
    assert LabelsField().clean("") is None
    assert LabelsField().clean("-") == ()


def test_unknown_and_none_are_shown_as_they_are_entered() -> None:
    field = LabelsField()
    assert (field.prepare_value(None), field.prepare_value(()), field.prepare_value("a;;")) == (None, "-", "a;;")


@given(st.none() | st.lists(_words).map(tuple))
def test_labels_that_are_shown_are_read_as_the_same_labels(labels: tuple[str, ...] | None) -> None:
    field = LabelsField()
    assert field.clean(field.prepare_value(labels)) == labels


def test_pairs_are_lines_of_name_and_value() -> None:
    assert PairsField().clean("callid = my_callid\n\n  method=my_method  \n") == {
        "callid": "my_callid",
        "method": "my_method",
    }


@pytest.mark.parametrize("line", ["callid", "callid =", "= my_callid", "="])
def test_a_line_that_is_not_a_pair_is_quoted(line: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        PairsField().clean(f"a = b\n{line}")
    assert refusal.value.messages == [f"{line!r}: write it like “name = value”"]


def test_only_allowed_values_are_taken() -> None:
    field = PairsField(allowed=["caller", "callee"])
    assert field.clean("who = caller") == {"who": "caller"}
    with pytest.raises(ValidationError) as refusal:
        field.clean("who = nobody")
    assert refusal.value.messages == ["'nobody' is not one of: callee, caller"]


@given(st.dictionaries(_words, _words))
def test_pairs_that_are_shown_are_read_as_the_same_pairs(pairs: dict[str, str]) -> None:
    field = PairsField()
    assert field.clean(field.prepare_value(pairs)) == pairs
