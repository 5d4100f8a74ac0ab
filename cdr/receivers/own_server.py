"""Keep sources out of accweb's own PostgreSQL: its database, and what its own role may do on the same server.

Host names, sockets and forwarded ports do not tell whether a server is our own; the server's identifier does, and a
replica has that of its primary.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection

_IDENTIFIER = "SELECT system_identifier FROM pg_control_system()"
_LOGIN = "SELECT current_database(), session_user, rolsuper FROM pg_roles WHERE rolname = session_user"
_IS_MEMBER = "SELECT pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = %s"


class OwnServer(PermissionError):
    """A source leads to accweb's own database, or uses accweb's own rights on its server."""


def refuse(opened: psycopg.Connection[Any]) -> None:
    """Raise ``OwnServer`` if a source's connection leads to what is accweb's own."""
    if connection.vendor != "postgresql" or _identifier(opened) != _own(_IDENTIFIER)[0]:
        return
    own_database, own_role, _ = _own(_LOGIN)
    database, _, is_superuser = _texts(opened.execute(_LOGIN).fetchone() or ())
    if database == own_database:
        raise OwnServer("this is accweb's own database; to read its acc tables, add a source of kind mirror")
    member = opened.execute(_IS_MEMBER, (own_role,)).fetchone()
    if is_superuser or member is None or member[0]:
        raise OwnServer(
            "the user has accweb's own rights on accweb's own server; make one that may only read the tables"
        )


def _identifier(opened: psycopg.Connection[Any]) -> Any:
    try:
        row = opened.execute(_IDENTIFIER).fetchone()
    except psycopg.ProgrammingError:  # forbidden, or no PostgreSQL of ours: then it is not older than 9.6
        return None
    return row[0] if row else None


def _own(statement: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def _texts(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row whose texts are text: a connection in SQL_ASCII gives bytes."""
    return tuple(cell.decode(errors="replace") if isinstance(cell, bytes) else cell for cell in row)
