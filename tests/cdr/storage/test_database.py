"""Many rows at once, on whichever database the tests run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdr.models import Call, Pending
from cdr.storage.database import database_for_writes
from cdr.storage.tables import Table
from tests.factories import make_call

TIMES = Table(Call, "id", "started_at", "duration", "extra", "sip_code")
CODES = Table(Call, "id", "sip_code", "superseded")


class EveryValue(TestCase):
    @given(
        st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7))])),
        st.none() | st.timedeltas(timedelta(-10_000), timedelta(10_000)),
        st.text(st.characters(codec="utf-8", exclude_characters="\0")).map(lambda text: {"label": text}),
        st.none() | st.integers(-(2**31), 2**31 - 1),
    )
    def test_what_is_written_is_read(
        self, time: datetime, length: timedelta | None, extra: dict[str, str], code: int | None
    ) -> None:
        there, call = database_for_writes(), make_call()
        wire = there.wire
        row = (
            call.pk,
            wire.time(time),
            None if length is None else wire.length(length),
            wire.json(json.dumps(extra)),
            None if code is None else wire.int4(code),
        )

        there.update(TIMES, [row])

        call.refresh_from_db()
        assert (call.started_at, call.duration, call.extra, call.sip_code) == (time, length, extra, code)
        (read,) = there.rows(TIMES, "id", [call.pk])
        assert (*read[1:3], json.loads(read[3]), read[4]) == (time, length, extra, code)


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1])
def test_a_number_too_large_for_its_column_is_an_error_and_never_cut(number: int) -> None:
    with pytest.raises(OverflowError):
        database_for_writes().wire.int4(number)


@pytest.mark.django_db
def test_column_sets_of_one_table_do_not_get_into_each_others_way() -> None:
    there, call = database_for_writes(), make_call(sip_code=486)

    there.update(CODES, [(call.pk, there.wire.int4(200), True)])
    there.update(TIMES, [(call.pk, there.wire.time(call.started_at), None, there.wire.json("{}"), None)])

    call.refresh_from_db()
    assert (call.sip_code, call.superseded, call.duration) == (None, True, None)


@pytest.mark.django_db
def test_new_ids_are_nobody_elses() -> None:
    there, before = database_for_writes(), make_call()

    ids = there.new_ids(TIMES, 3)

    assert len({before.pk, *ids}) == 4


@pytest.mark.django_db
@pytest.mark.parametrize("keys", [[], [-(2**63), -1, 0, 2**63 - 1]])
def test_claimed_marks_are_taken_off_in_order(keys: list[int]) -> None:
    there = database_for_writes()
    there.mark(keys)

    assert there.claim(10, -(2**63)) == keys
    assert not Pending.objects.exists()


@pytest.mark.django_db
def test_marks_are_claimed_from_where_one_left_off() -> None:
    there = database_for_writes()
    there.mark([3, 1, 2, 3])

    assert there.claim(1, 2) == [2]
    assert sorted(Pending.objects.values_list("call_key", flat=True)) == [1, 3]
