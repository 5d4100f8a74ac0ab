"""Write Parquet in row groups: typed columns for data tools.

Times are timestamps in UTC with microseconds, durations are seconds as in the other formats (Parquet has no type for
them), words are lists, and other nested values are JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC
from itertools import islice
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from cdr.export.columns import MOMENTS, SECONDS, WHOLE_NUMBERS, FileShape, local, row_of
from cdr.export.record import Record
from cdr.export.sink import Sink, whole_or_not

ROWS_PER_GROUP = 20_000
_WORDS = frozenset({"flags", "proxies", "backends"})


def write_parquet(records: Iterable[Record], sink: Sink, shape: FileShape) -> None:
    """Write the calls as a Parquet file."""
    schema = pa.schema([(column, _type_of(column)) for column in shape.columns])
    values_of, converters = row_of(shape.columns), [_converter(column) for column in shape.columns]
    each = iter(records)
    with whole_or_not(sink) as output:
        writer = parquet.ParquetWriter(output, schema)
        while rows := [values_of(record) for record in islice(each, ROWS_PER_GROUP)]:
            columns = [
                pa.array([None if row[place] is None else convert(row[place]) for row in rows], field.type)
                for place, (field, convert) in enumerate(zip(schema, converters, strict=True))
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
        writer.close()


def _type_of(column: str) -> pa.DataType:
    if column in MOMENTS:
        return pa.timestamp("us", tz="UTC")
    if column in SECONDS:
        return pa.float64()
    if column in WHOLE_NUMBERS:
        return pa.int64()
    return pa.list_(pa.string()) if column in _WORDS else pa.string()


def _converter(column: str) -> Callable[[Any], Any]:
    if column in MOMENTS:
        return lambda moment: local(moment, UTC)
    if column in SECONDS | WHOLE_NUMBERS | _WORDS:
        return lambda value: value
    return lambda value: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
