"""The file object between a library and the target of a file."""

from __future__ import annotations

from io import BytesIO

import pytest

from cdr.export.sink import Output, whole_or_not


def test_everything_written_reaches_the_target() -> None:
    target = BytesIO()
    with whole_or_not(target) as output:
        assert output.write(b"one") == 3
        output.write(b"two")
    assert target.getvalue() == b"onetwo"


def test_the_end_of_the_block_is_not_the_end_of_the_file() -> None:
    target = BytesIO()
    with whole_or_not(target) as output:
        pass
    output.write(b"footer")
    assert target.getvalue() == b"footer"


def test_closing_leaves_the_target_open() -> None:
    target = BytesIO()
    with whole_or_not(target) as output:
        output.close()
    assert (output.closed, target.closed) == (True, False)


def written_until_an_error(target: BytesIO) -> Output:
    """Return the output of a block that failed half way."""
    try:
        with whole_or_not(target) as output:
            output.write(b"half")
            raise ValueError("broken")
    except ValueError:
        return output


def test_an_error_in_the_block_is_raised() -> None:
    def fail() -> None:
        with whole_or_not(BytesIO()):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()


def test_nothing_reaches_the_target_after_an_error() -> None:
    target = BytesIO()
    output = written_until_an_error(target)
    assert output.write(b"footer") == 6
    output.flush()
    assert target.getvalue() == b"half"
