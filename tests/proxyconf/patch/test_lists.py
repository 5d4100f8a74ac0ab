"""Lists in parameter values are changed part by part, in the strings that they are written in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.parse.statements import WrittenParameter, read_statements
from proxyconf.parse.tokens import Reader
from proxyconf.patch.edits import Editor
from proxyconf.patch.lists import change_list, is_editable, parts_of

PARTS = st.lists(st.sampled_from(["a=$fU", "b=$rU", "c=$si", "d=$ua", "e=$avp(x)"]), unique=True, min_size=1)


def parameter(text: str) -> WrittenParameter:
    (found,) = read_statements(Reader(text)).modparams
    return found


def changed(text: str, *wanted: str, declared: bool = False) -> str:
    editor = Editor(text)
    change_list(editor, parameter(text).argument, wanted, declared=declared)
    return editor.result()


def value(text: str) -> object:
    return parameter(text).argument.value


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ('"a=$fU;b=$rU"', ["a=$fU", "b=$rU", "c=$si"], '"a=$fU;b=$rU;c=$si"'),
        ('"a=$fU;b=$rU"', ["c=$si", "a=$fU", "b=$rU"], '"c=$si;a=$fU;b=$rU"'),
        ('"a=$fU;b=$rU;c=$si"', ["a=$fU", "c=$si"], '"a=$fU;c=$si"'),
        ('"a=$fU;b=$rU"', ["a=$fU"], '"a=$fU"'),
        ('"a=$fU; b=$rU"', ["a=$fU", "b=$tU"], '"a=$fU; b=$tU"'),
        ('""', ["a=$fU"], '"a=$fU"'),
    ],
)
def test_only_the_parts_that_differ_change(before: str, wanted: list[str], after: str) -> None:
    line = 'modparam("acc", "log_extra", {})'
    assert changed(line.format(before), *wanted) == line.format(after)


def test_spaces_in_unchanged_parts_stay() -> None:
    text = 'modparam("acc", "log_extra", " a = $fU ; b=$rU")'
    assert changed(text, "a=$fU", "b=$rU", "c=$si") == 'modparam("acc", "log_extra", " a = $fU ; b=$rU;c=$si")'


def test_each_string_of_a_list_keeps_its_parts() -> None:
    text = 'modparam("acc", "log_extra",\n    "a=$fU;"\n    "b=$rU")'
    assert changed(text, "a=$si", "b=$rU") == 'modparam("acc", "log_extra",\n    "a=$si;"\n    "b=$rU")'


def test_a_string_that_loses_all_its_parts_is_removed() -> None:
    text = 'modparam("acc", "log_extra",\n    "a=$fU;"\n    "b=$rU;"\n    "c=$si")'
    assert '""' not in changed(text, "a=$fU", "c=$si")
    assert value(changed(text, "a=$fU", "c=$si")) == "a=$fU;c=$si"


def test_the_backend_of_a_declaration_stays() -> None:
    text = 'modparam("acc", "extra_fields", "log: src->caller;dst")'
    assert changed(text, "src->caller", "x", declared=True) == 'modparam("acc", "extra_fields", "log: src->caller;x")'


def test_a_tag_with_itself_as_name_is_the_same_as_the_tag_alone() -> None:
    text = 'modparam("acc", "extra_fields", "log: src->src")'
    assert changed(text, "src", declared=True) == text


@given(PARTS, PARTS)
def test_the_value_is_the_wanted_list_whatever_it_was(before: list[str], wanted: list[str]) -> None:
    text = f'modparam("acc", "log_extra", "{";".join(before)}")'
    assert value(changed(text, *wanted)) == ";".join(wanted)


@given(PARTS, PARTS)
def test_the_same_holds_for_a_list_of_several_strings(before: list[str], wanted: list[str]) -> None:
    strings = " ".join(f'"{part};"' for part in before[:-1]) + f' "{before[-1]}"'
    assert value(changed(f'modparam("acc", "log_extra", {strings})', *wanted)) == ";".join(wanted)


def test_the_parts_of_a_list_know_their_places() -> None:
    text = "log: a ; b->c;"
    assert [text[part.start : part.end] for part in parts_of(text, declared=True)] == ["a", "b->c"]


@pytest.mark.parametrize(
    ("text", "editable"),
    [
        ('modparam("acc", "x", "a=$fU")', True),
        ('modparam("acc", "x", "a=\\x24fU")', False),
        ('#!define LIST "a=$fU"\nmodparam("acc", "x", LIST)', False),
        ('modparam("acc", "x", 1)', False),
    ],
)
def test_only_strings_without_escapes_and_macros_are_edited(text: str, editable: bool) -> None:
    assert is_editable(Editor(text), parameter(text).argument) == editable
