from __future__ import annotations

import pytest

from proxyconf.lint.kinds import suggested_type
from proxyconf.profile import SqlType


@pytest.mark.parametrize(
    ("variable", "sql_type"),
    [
        ("$sp", SqlType.INTEGER),
        ("$fU", SqlType.VARCHAR),
        ("$avp(x)", SqlType.VARCHAR),
        ("$rs", SqlType.VARCHAR),
        ("$rb", SqlType.TEXT),
        ("no variable", SqlType.VARCHAR),
    ],
)
def test_a_column_is_an_integer_only_if_every_request_has_a_number(variable: str, sql_type: SqlType) -> None:
    assert suggested_type(variable) is sql_type
