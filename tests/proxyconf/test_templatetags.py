"""Generated text and compared lines in templates."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.templatetags.proxyconf import code, diff, symbol

_lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@pytest.mark.parametrize(
    ("line", "classes"),
    [
        ("#!KAMAILIO", "line directive"),
        ("  #!define X 1", "line directive"),
        ("# a comment", "line comment"),
        ("\t# a comment", "line comment"),
        ("-- a comment of SQL", "line comment"),
        ('modparam("acc", "log_flag", 1)  # one', "line"),
        ("", "line"),
    ],
)
def test_comments_and_directives_differ_from_other_lines(line: str, classes: str) -> None:
    assert code(line) == f'<span class="{classes}">{html.escape(line)}</span>'.replace("&#x27;", "&#39;")


def test_each_line_is_shown_without_an_empty_one_at_the_end() -> None:
    assert code("a\n\nb\n") == '<span class="line">a</span>\n<span class="line"></span>\n<span class="line">b</span>'


@given(st.lists(_lines, min_size=1))
def test_the_text_of_a_page_is_the_text_of_the_file(lines: list[str]) -> None:
    text = "\n".join(lines)
    shown = html.unescape(re.sub(r"<[^>]*>", "", code(text)))
    assert shown == text.rstrip("\n")


@given(_lines)
def test_text_of_a_file_is_never_markup(line: str) -> None:
    assert re.findall(r"<[^>]*>", code(f"<script>{line}"))[1:] == ["</span>"]


def test_added_removed_and_left_out_lines_are_marked() -> None:
    lines = [("-", "a < b"), ("+", "a > b"), (" ", "c"), ("@", "route")]
    assert diff(lines).split("\n") == [
        '<span class="line removed"><i>−</i>a &lt; b</span>',
        '<span class="line added"><i>+</i>a &gt; b</span>',
        '<span class="line"><i> </i>c</span>',
        '<span class="line gap"><i>⋯</i>route</span>',
    ]


def test_a_symbol_is_hidden_from_screen_readers_and_escaped() -> None:
    assert symbol("dns") == '<span class="material-symbols-outlined icon" aria-hidden="true">dns</span>'
    assert "&lt;b&gt;" in symbol("<b>")
