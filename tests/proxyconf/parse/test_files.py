"""The files of a configuration are joined with each included file in its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.parse.files import ConfigFile, decoded, find_file, includes_of, join_files, normal_path


def files(**texts: str) -> list[ConfigFile]:
    return [ConfigFile(name.replace("__", "/") + ".cfg", text) for name, text in texts.items()]


def test_an_included_file_takes_the_place_of_its_directive() -> None:
    joined = join_files(files(kamailio='a\ninclude_file "inner.cfg"\nc\n', inner="b\n"))
    assert joined.text == "a\nb\n\nc\n"


def test_a_file_is_joined_once_although_two_files_include_it() -> None:
    joined = join_files(
        files(kamailio='include_file "a.cfg"\ninclude_file "b.cfg"\n', a="one\n", b='include_file "a.cfg"\n')
    )
    assert joined.text.count("one") == 1


def test_files_that_include_each_other_come_to_an_end() -> None:
    joined = join_files(files(a='include_file "b.cfg"\nfirst\n', b='include_file "a.cfg"\nsecond\n'))
    assert "first" in joined.text
    assert "second" in joined.text


def test_the_main_file_comes_first_whatever_the_order_of_the_files() -> None:
    joined = join_files(files(acc="acc\n", kamailio="main\n"))
    assert joined.text == "main\nacc\n"


def test_an_included_file_that_is_missing_is_named_once() -> None:
    text = 'include_file "gone.cfg"\nimport_file "gone.cfg"\n'
    joined = join_files(files(kamailio=text))
    assert joined.missing == ("gone.cfg",)
    assert joined.text == text


@pytest.mark.parametrize(
    "directive", ["#!include_file", "!!include_file", "#!import_file", "import_file", "include_file"]
)
def test_every_way_to_include_a_file_is_known(directive: str) -> None:
    assert [include.path for include in includes_of(f'{directive} "a.cfg"\n')] == ["a.cfg"]


@pytest.mark.parametrize(
    "text", ['# include_file "a.cfg"', '/* include_file "a.cfg" */', "include_file a", '"include_file"']
)
def test_comments_and_other_texts_include_nothing(text: str) -> None:
    assert list(includes_of(text)) == []


def test_a_position_of_the_joined_text_leads_to_its_file() -> None:
    joined = join_files(files(kamailio='abc\ninclude_file "inner.cfg"\nxyz\n', inner="inner\n"))
    assert joined.place(joined.text.index("abc")) == ("kamailio.cfg", 0)
    assert joined.place(joined.text.index("inner") + 2) == ("inner.cfg", 2)
    assert joined.place(joined.text.index("xyz")) == (
        "kamailio.cfg",
        'abc\ninclude_file "inner.cfg"\nxyz\n'.index("xyz"),
    )


@given(st.text("ab\n", max_size=20), st.text("cd\n", max_size=20), st.text("ef\n", max_size=20))
def test_every_character_of_the_joined_text_is_that_of_its_place(before: str, inner: str, after: str) -> None:
    given_files = files(kamailio=f'{before}\ninclude_file "inner.cfg"\n{after}', inner=inner)
    texts = {file.name: file.text for file in given_files}
    joined = join_files(given_files)
    for position, character in enumerate(joined.text):
        name, offset = joined.place(position)
        assert character == (texts[name][offset] if offset < len(texts[name]) else "\n")


def test_a_path_is_searched_beside_the_including_file_first() -> None:
    both = [ConfigFile("acc.cfg", "top"), ConfigFile("conf.d/acc.cfg", "below")]
    found = find_file(both, "acc.cfg", including="conf.d/main.cfg")
    assert found is not None
    assert found.text == "below"


def test_an_absolute_path_is_found_by_its_end() -> None:
    found = find_file(files(conf__acc="x"), "/etc/kamailio/conf/acc.cfg")
    assert found is not None
    assert found.name == "conf/acc.cfg"


def test_a_path_is_found_by_its_file_name_as_a_last_resort() -> None:
    found = find_file(files(other__acc="x"), "conf/acc.cfg")
    assert found is not None
    assert found.name == "other/acc.cfg"


def test_a_file_that_is_not_there_is_not_found() -> None:
    assert find_file(files(a="x"), "b.cfg") is None


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("./a.cfg", "a.cfg"),
        ("/etc/a.cfg", "etc/a.cfg"),
        ("x/../a.cfg", "a.cfg"),
        ("../a.cfg", "a.cfg"),
        ("x\\a.cfg", "x/a.cfg"),
    ],
)
def test_a_path_is_normalised(path: str, normal: str) -> None:
    assert normal_path(path) == normal


@given(st.text("ab./", max_size=20))
def test_a_normal_path_stays_as_it_is(path: str) -> None:
    assert normal_path(normal_path(path)) == normal_path(path)


@given(st.binary(max_size=40))
def test_the_bytes_of_any_file_are_restored_from_its_text(raw: bytes) -> None:
    text, encoding = decoded(raw)
    assert text.encode(encoding) == raw
