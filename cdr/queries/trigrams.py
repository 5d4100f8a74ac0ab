"""The trigram index for parts of numbers, with PostgreSQL's extension pg_trgm.

Not every server has the extension, and not every role may create it. Without it a search for part of a number still
works, but reads all calls of its time range.
"""

from __future__ import annotations

from django.db import Error, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

NAME = "call_by_part_of_number"

_EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
# Django's ``icontains`` compares upper case. Writing one index of two columns is faster than writing two.
_INDEX = (
    f"CREATE INDEX {{how}} IF NOT EXISTS {NAME} ON cdr_call"
    " USING gin (upper(caller) gin_trgm_ops, upper(callee) gin_trgm_ops)"
)


def make_index(connection: BaseDatabaseWrapper, *, while_written: bool = False) -> str:
    """Create the index if it does not exist; return "", or the reason why that is impossible.

    ``while_written``: allow writing calls meanwhile, which takes longer and is not possible in a transaction.
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
            if cursor.fetchone() == (True,):  # left by an interrupted run
                cursor.execute(f"DROP INDEX CONCURRENTLY {NAME}")
        cursor.execute(_INDEX.format(how="CONCURRENTLY" if while_written else ""))
    return ""
