"""Columns of our own: lists of words, and local times that nobody converts."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.core import serializers
from django.db import connection

from cdr.models import Acc, Call
from cdr.models.fields import WordsField
from tests.factories import make_call

NOON = datetime(2026, 3, 29, 2, 30, 0, 123456)  # no such time in Berlin


@pytest.mark.django_db
@pytest.mark.parametrize("words", [[], ["late_stop"], ["late_stop", "early_media"]])
def test_words_are_read_as_they_were_written(words: list[str]) -> None:
    call = make_call(flags=words)

    call.refresh_from_db()
    assert call.flags == words


@pytest.mark.django_db
def test_a_word_is_found_whole_and_no_part_of_one() -> None:
    make_call(flags=["late_stop", "early_media"])

    assert Call.objects.filter(flags__contains=" late_stop ").count() == 1
    assert Call.objects.filter(flags__contains=" early_media ").count() == 1
    assert not Call.objects.filter(flags__contains=" early ").exists()


@pytest.mark.parametrize(("words", "text"), [([], ""), (["a"], " a "), (["a", "b"], " a b ")])
def test_words_stand_between_blanks(words: list[str], text: str) -> None:
    assert WordsField.joined(words) == text


@pytest.mark.django_db
def test_words_survive_a_dump() -> None:
    call = make_call(flags=["late_stop", "early_media"])

    (copy,) = serializers.deserialize("json", serializers.serialize("json", [call]))

    assert copy.object.flags == ["late_stop", "early_media"]


@pytest.mark.django_db
def test_a_wall_clock_time_is_read_as_it_was_written() -> None:
    row = Acc.objects.create(method="INVITE", time=NOON)

    row.refresh_from_db()
    assert row.time == NOON
    assert Acc.objects.get(time=NOON) == row


@pytest.mark.django_db
def test_a_wall_clock_time_is_what_the_proxy_wrote_whatever_the_zone_of_the_session() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO acc (method, time) VALUES ('INVITE', '2026-03-29 02:30:00')")

    assert Acc.objects.get().time == datetime(2026, 3, 29, 2, 30)
