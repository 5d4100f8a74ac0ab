from __future__ import annotations

import pytest

from proxyconf.parse.tokens import Reader, TokenKind


def words(text: str, *defines: str, preprocess: bool = True) -> list[str]:
    return [token.value for token in Reader(text, defines, preprocess=preprocess).tokens()]


def remarks(text: str, *defines: str) -> list[str]:
    reader = Reader(text, defines)
    list(reader.tokens())
    return [one.why for one in reader.remarks]


@pytest.mark.parametrize(
    "text",
    [
        "a # b\nc",
        "a // b\nc",
        "a /* b */ c",
        "a /* b\n b */ c",
        "a #! b\nc",
        "a ##!define c d\nc",
        "a /* #!define c d */ c",
    ],
)
def test_comments_of_all_kinds_are_passed_over(text: str) -> None:
    assert words(text) == ["a", "c"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"plain"', "plain"),
        (r'"a\"b\\c\td\n"', 'a"b\\c\td\n'),
        (r'"\x41\x1b\101"', "A\x1bA"),
        (r'"regular \d+ \."', r"regular \d+ \."),
        ('"over\ntwo lines"', "over\ntwo lines"),
        ('"an \\\nescaped line break"', "an escaped line break"),
        (r"'no \n escapes'", r"no \n escapes"),
        ("'a \"quoted\" word'", 'a "quoted" word'),
        ('"# no comment // either /* here"', "# no comment // either /* here"),
    ],
)
def test_a_string_has_the_content_that_the_proxy_reads(written: str, value: str) -> None:
    assert words(written) == [value]


def test_a_string_without_end_is_remarked_on() -> None:
    assert remarks('modparam("acc", "x') == ["a string without its closing quote"]


def test_a_token_knows_its_line() -> None:
    tokens = list(Reader('a\n"b\nb"\r\nc').tokens())
    assert [(one.value, one.line) for one in tokens] == [("a", 1), ("b\nb", 2), ("c", 4)]


def test_a_variable_is_one_token() -> None:
    tokens = list(Reader("$acc_extra(x)=$(hdr(A;B){s.len});").tokens())
    assert [one.value for one in tokens] == ["$acc_extra(x)", "=", "$(hdr(A;B){s.len})", ";"]
    assert tokens[0].kind is TokenKind.VARIABLE


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ("#!define X 5", "5"),
        ("!!define X 5", "5"),
        ("#!trydef X 5", "5"),
        ("#!define Y 5\n#!define X Y", "5"),
        ("#!define X 5\n#!redefine X 6", "6"),
        ("#!define X 5\n#!trydef X 6", "5"),
        ('#!define X \\\n"5"', "5"),
        ('#!substdef "!X!5!g"', "5"),
        ('#!substdefs "!X!5!g"', "5"),
        ("#!define X 5 # five", "5"),
    ],
)
def test_a_definition_stands_for_its_value(definition: str, value: str) -> None:
    assert words(f"{definition}\nX") == [value]


def test_a_definition_does_not_reach_into_strings_and_a_substitution_does() -> None:
    assert words('#!define HOST db\n"mysql://HOST/x"') == ["mysql://HOST/x"]
    assert words('#!subst "/HOST/db/g"\n"mysql://HOST/x" HOST') == ["mysql://db/x", "HOST"]
    assert words('#!substdef "!HOST!db!g"\n"mysql://HOST/x" HOST') == ["mysql://db/x", "db"]


def test_a_token_knows_the_definition_it_came_from() -> None:
    tokens = list(Reader("#!define A 5\n#!define B A\nB").tokens())
    assert (tokens[0].value, tokens[0].define) == ("5", "B")


@pytest.mark.parametrize(
    ("text", "defines", "found"),
    [
        ("#!ifdef X\na\n#!else\nb\n#!endif\nc", [], ["b", "c"]),
        ("#!ifdef X\na\n#!else\nb\n#!endif\nc", ["X"], ["a", "c"]),
        ("#!ifndef X\na\n#!else\nb\n#!endif", [], ["a"]),
        ("#!define X\n#!ifdef X\na\n#!endif", [], ["a"]),
        ("#!ifdef X\n#!define Y\n#!endif\n#!ifdef Y\na\n#!endif", ["X"], ["a"]),
        ("#!ifdef X\n#!ifdef Y\na\n#!else\nb\n#!endif\n#!else\nc\n#!endif", ["Y"], ["c"]),
        ("#!ifdef X\n#!ifdef Y\na\n#!else\nb\n#!endif\n#!else\nc\n#!endif", ["X"], ["b"]),
        ('#!ifdef X\n" an open quote\n#!endif\na', [], ["a"]),
    ],
)
def test_only_the_branch_that_is_taken_is_read(text: str, defines: list[str], found: list[str]) -> None:
    assert words(text, *defines) == found


def test_a_definition_from_outside_has_a_value_and_is_not_replaced() -> None:
    assert words("#!define X 5\nX", "X=7") == ["7"]
    assert words("#!trydef X 5\nX", "X=7") == ["7"]


def test_a_proxy_without_preprocessor_takes_directives_for_comments() -> None:
    assert words("#!define X 5\n#!ifdef Y\nX\n#!endif", preprocess=False) == ["X"]


def test_names_that_the_text_does_not_decide_are_told() -> None:
    own = "#!define A\n#!ifdef A\n#!endif\n"
    guarded = "#!ifndef C\n#!define C 1\n#!endif\n"
    module = "#!ifndef MOD_tm\n#!endif\n"
    reader = Reader(f"{own}#!ifdef B\n#!endif\n{guarded}{module}")
    list(reader.tokens())
    assert [(one.name, one.line) for one in reader.undecided()] == [("B", 4)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#!define X 1\n#!define X 2", "the proxy would not start"),
        ("#!ifdef X", "no #!endif"),
        ("#!endif", "without an #!ifdef"),
        ("#!else", "without an #!ifdef"),
        ('#!subst "/a+/b/"', "by pattern is not applied"),
        ("#!subst nothing", "without its rule"),
        ('#!subst "/a"', "not a substitution"),
        ("#!defenv HOME", "only known when the proxy starts"),
        ("#!ifexp A == B\n#!endif", "not evaluated"),
        ('#!include_file "other.cfg"', "this file is missing"),
        ("#!define", "without a name"),
    ],
)
def test_what_is_not_understood_is_remarked_on(text: str, why: str) -> None:
    assert [one for one in remarks(text) if why in one] != []


def test_definitions_that_multiply_come_to_an_end() -> None:
    text = "#!define X0 a\n" + "".join(f"#!define X{n} {f'X{n - 1} ' * 10}\n" for n in range(1, 15)) + "X14"
    assert len(words(text)) < 200_000


def test_definitions_of_themselves_come_to_an_end() -> None:
    assert words("#!define X Y\n#!define Y X\nX") in (["X"], ["Y"])


def test_substitutions_that_multiply_come_to_an_end() -> None:
    rules = '#!subst "/a/aa/g"\n' * 60
    assert len(words(f'{rules}"a"')[0]) <= 65_536


@pytest.mark.parametrize("comment", ["// why", "# why"])
def test_a_comment_after_the_value_of_a_definition_is_remarked_on(comment: str) -> None:
    assert remarks(f"#!define FLT_ACC 1 {comment}\n") != []
    assert remarks(f'#!define NAME "a" {comment}\n') != []


@pytest.mark.parametrize("value", ['"sip://x#y"', "1", "", "# only a comment", "'a # b'", "7/2"])
def test_a_value_without_a_comment_is_not(value: str) -> None:
    assert remarks(f"#!define NAME {value}\n") == []
