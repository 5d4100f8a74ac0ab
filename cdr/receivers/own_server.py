"""Keep sources out of accweb's own PostgreSQL database, and from using the rights of accweb's role on its server.

Host names, sockets and forwarded ports do not reveal whether a server is our own, but the server's system identifier
does. A replica has the identifier of its primary.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection

_IDENTIFIER = "SELECT system_identifier FROM pg_control_system()"
_LOGIN = "SELECT current_database(), session_user, rolsuper FROM pg_roles WHERE rolname = session_user"
_IS_MEMBER = "SELECT pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = %s"


class OwnServer(PermissionError):
    """A source connects to accweb's own database, or with accweb's rights to its server."""


def refuse(opened: psycopg.Connection[Any]) -> None:
    """Raise ``OwnServer`` if a source must not use this connection."""
    if connection.vendor != "postgresql" or _identifier(opened) != _own(_IDENTIFIER)[0]:
        return
    own_database, own_role, _ = _own(_LOGIN)
    database, _, is_superuser = _texts(opened.execute(_LOGIN).fetchone() or ())
    if database == own_database:
        raise OwnServer("this is accweb's own database; to read its acc tables, add a source of kind mirror")
    member = opened.execute(_IS_MEMBER, (own_role,)).fetchone()
    if is_superuser or member is None or member[0]:
        raise OwnServer(
            "this user has accweb's rights on accweb's own database server; create a user that may only read the tables"
        )


def _identifier(opened: psycopg.Connection[Any]) -> Any:
    try:
        row = opened.execute(_IDENTIFIER).fetchone()
    except psycopg.ProgrammingError:  # forbidden, or older than 9.6 and so not our own
        return None
    return row[0] if row else None


def _own(statement: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def _texts(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Decode the values of a row: a connection in SQL_ASCII returns bytes."""
    return tuple(cell.decode(errors="replace") if isinstance(cell, bytes) else cell for cell in row)
