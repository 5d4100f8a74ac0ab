"""What holds for every layout, every value and every line."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent, text_of
from cdr.formats.reading import Ignored, Reading, Rejection
from cdr.formats.syslog import LineParser, parse_line, read
from proxyconf.vocabulary.layout import Backend, FieldLayout
from tests.cdr.formats.log_lines import ANSWERED, CORE, STDERR, acc_line, fields
from tests.cdr.formats.test_syslog import HEADERS, PROXIES

labels = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,11}", fullmatch=True).filter(
    lambda label: label.encode() not in CORE
)
label_lists = st.lists(labels, max_size=6, unique=True)
pieces = st.sampled_from(
    (b";", b"=", b"; ", b";x=", b";transport=tcp", b'"', b"ACC: ", b"%s", b"\xff", b"\xc3\xbc", b"\0", b"#015")
)
values = (
    st.lists(st.binary(max_size=6) | pieces, max_size=5)
    .map(b"".join)
    .filter(lambda value: not set(b"\r\n") & set(value))
)
digits = st.integers(0, 999).map(lambda code: b"%d" % code)
prefixes = st.sampled_from((ANSWERED, b"call missed", b"request accounted", b"request acknowledged"))


@dataclass(frozen=True)
class Written:
    """A line, its layout, and what was written into it."""

    extras: tuple[str, ...]
    legs: tuple[str, ...]
    core: Mapping[bytes, bytes]
    extra_values: tuple[bytes, ...]
    leg_values: tuple[tuple[bytes, ...], ...]
    prefix: bytes
    head: bytes

    @property
    def reading(self) -> Reading:
        return Reading(layout=FieldLayout(extras={Backend.SYSLOG: self.extras}, legs={Backend.SYSLOG: self.legs}))

    @property
    def line(self) -> bytes:
        extras = zip(map(str.encode, self.extras), self.extra_values, strict=True)
        legs = (zip(map(str.encode, self.legs), leg, strict=True) for leg in self.leg_values)
        clock = b"timestamp=1795389790"
        return (
            self.head
            + b"ACC: "
            + self.prefix
            + b": "
            + clock
            + fields(*self.core.items(), *extras, *(pair for leg in legs for pair in leg))
        )


@st.composite
def written(draw: st.DrawFn, values: st.SearchStrategy[bytes] = values, *, clean: bool = True) -> Written:
    """Draw a line whose last value does not end like an escaped LF. ``clean``: no value holds what begins a field."""
    extras = tuple(draw(label_lists))
    legs = tuple(draw(label_lists.map(lambda drawn: [label for label in drawn if label not in extras])))
    known = [*CORE, *map(str.encode, (*extras, *legs))]
    mark = re.compile(b";(?:" + b"|".join(map(re.escape, known)) + b")=")

    def tidy(value: bytes, before: bytes = b"") -> bytes:
        while clean and mark.search(value):
            value = mark.sub(b"", value)
        return value.removesuffix(b"#012")

    drawn = values.map(tidy)
    return Written(
        extras,
        legs,
        {label: draw(digits if label == b"code" else drawn) for label in CORE},
        tuple(draw(drawn) for _ in extras),
        tuple(tuple(draw(drawn) for _ in legs) for _ in range(draw(st.integers(1, 3)) if legs else 0)),
        draw(prefixes),
        draw(st.sampled_from(list(HEADERS.values()))) + draw(st.sampled_from(list(PROXIES.values()))),
    )


@given(written())
def test_a_written_line_is_read_back_to_exactly_its_values(made: Written) -> None:
    found = parse_line(made.line, made.reading)

    assert isinstance(found, AccEvent)
    assert (found.method, found.from_tag, found.to_tag, found.call_id, b"%d" % found.code, found.reason) == tuple(
        value if label == b"code" else text_of(value) for label, value in made.core.items()
    )
    assert found.extra == tuple(zip(made.extras, map(text_of, made.extra_values), strict=True))
    assert found.legs == tuple(
        tuple(zip(made.legs, map(text_of, leg), strict=True)) for leg in made.leg_values if any(leg)
    )
    assert (found.raw, found.flags) == (made.line, ())


@given(
    written(clean=False)
    | written(values=values | st.sampled_from(tuple(b";%b=" % label for label in CORE)), clean=False)
)
def test_both_ways_to_read_a_line_give_the_same(made: Written) -> None:
    for reading in (made.reading, Reading()):
        parser = LineParser(reading)
        assert parser.parse(made.line) == parser._unusual(made.line, 3)


@given(written(), st.data())
def test_the_core_does_not_depend_on_what_follows_it(made: Written, data: st.DataObject) -> None:
    hostile = data.draw(
        st.binary(max_size=80) | st.lists(st.sampled_from([b";%b=x" % label for label in CORE])).map(b"".join)
    )
    found = parse_line(acc_line((b"ua", hostile)), Reading())

    assert isinstance(found, AccEvent)
    assert found._replace(extra=(), legs=(), flags=(), raw=b"", reason="") == parse_line(
        acc_line(), Reading()
    )._replace(  # type: ignore[union-attr]
        raw=b"", reason=""
    )


@given(written(), st.integers(0, 400))
def test_a_cut_line_is_rejected_or_flagged_or_loses_only_the_end_of_its_last_value(made: Written, length: int) -> None:
    whole = parse_line(made.line, made.reading)
    cut = parse_line(made.line[:length], made.reading)
    assert isinstance(whole, AccEvent)

    if isinstance(cut, AccEvent):
        assert cut._replace(reason="", extra=(), legs=(), flags=(), raw=b"") == whole._replace(
            reason="", extra=(), legs=(), flags=(), raw=b""
        )
        assert whole.reason.startswith(cut.reason) or "\\x" in whole.reason  # a character may be cut, too
        sure = cut.extra if cut.flags or made.legs else cut.extra[:-1]
        assert whole.extra[: len(sure)] == sure
        assert cut.flags in ((), ("truncated",))
        assert bool(cut.flags) or len(cut.extra) == len(whole.extra)


marks = st.sampled_from(
    (
        *(
            b"ACC: ",
            b"transaction answered: ",
            b"timestamp=1",
            b"created=",
            b";method=",
            b";code=",
            b";reason=",
            b";src=",
        ),
        *(b"start_time=1.0; ", b"log_write_cdr(): ", b"json_acc[1]: {", b'{"message": "', b"Nov 22 23:23:10 ", STDERR),
    )
)


@given(st.lists(marks | st.binary(max_size=12), max_size=14).map(b"".join))
def test_no_line_raises(line: bytes) -> None:
    for reading in (
        Reading(),
        Reading(layout=FieldLayout(extras={Backend.SYSLOG: ("ua",)}, legs={Backend.SYSLOG: ("src", "dst")})),
    ):
        assert isinstance(parse_line(line, reading), AccEvent | Rejection | Ignored)


@given(st.lists(st.binary(max_size=20) | st.just(acc_line()), max_size=8).map(b"\n".join))
def test_a_log_of_any_bytes_costs_no_event(log: bytes) -> None:
    found = list(read(io.BytesIO(log), Reading()))

    assert sum(isinstance(one, AccEvent) for one in found) == sum(line == acc_line() for line in log.split(b"\n"))
