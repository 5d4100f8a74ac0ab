from collections.abc import Mapping
from enum import StrEnum

import pytest

from cdr.correlation.record import CallState, DurationKind, Flag, Outcome, ReleasedBy, Rule
from cdr.display import wording

BOOKS = [
    (CallState, wording.STATES),
    (Outcome, wording.OUTCOMES),
    (DurationKind, wording.DURATIONS),
    (ReleasedBy, wording.RELEASED),
    (Flag, wording.FLAGS),
    (Rule, wording.RULES),
]


@pytest.mark.parametrize(("words", "book"), BOOKS, ids=lambda part: getattr(part, "__name__", ""))
def test_every_word_has_a_label_and_a_sentence(words: type[StrEnum], book: Mapping[StrEnum, wording.Word]) -> None:
    assert set(book) == set(words)
    for word in book.values():
        assert str(word.label)
        assert str(word.meaning).endswith(".")


@pytest.mark.parametrize(("words", "book"), BOOKS, ids=lambda part: getattr(part, "__name__", ""))
def test_labels_tell_words_apart(words: type[StrEnum], book: Mapping[StrEnum, wording.Word]) -> None:
    assert len({str(word.label) for word in book.values()}) == len(words)
