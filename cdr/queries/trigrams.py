"""The index for parts of numbers: PostgreSQL finds them by their trigrams, with its extension pg_trgm.

Not every server has the extension, and not every role may set it up. Without it everything works, and a search for part
of a number reads all calls of its time range.
"""

from __future__ import annotations

from django.db import Error, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

NAME = "call_by_part_of_number"

_EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
# Upper case is what Django's ``icontains`` compares. One index of two columns costs the writer less than two.
_INDEX = (
    f"CREATE INDEX {{how}} IF NOT EXISTS {NAME} ON cdr_call"
    " USING gin (upper(caller) gin_trgm_ops, upper(callee) gin_trgm_ops)"
)


def make_index(connection: BaseDatabaseWrapper, *, while_written: bool = False) -> str:
    """Make the index where there is none yet; return why that cannot be, or nothing.

    ``while_written``: calls may be written meanwhile, which takes longer, and must not be within a transaction.
    """
    if connection.vendor != "postgresql":
        return "only PostgreSQL has such an index"
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(_EXTENSION)
    except Error as error:
        return str(error).partition("\n")[0].strip()
    with connection.cursor() as cursor:
        if while_written:
            cursor.execute("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [NAME])
            if cursor.fetchone() == (True,):  # an earlier run was ended
                cursor.execute(f"DROP INDEX CONCURRENTLY {NAME}")
        cursor.execute(_INDEX.format(how="CONCURRENTLY" if while_written else ""))
    return ""
