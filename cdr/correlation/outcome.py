"""The outcome of a call by the final response code of its INVITE (RFC 3261 section 21)."""

from __future__ import annotations

from collections.abc import Mapping

from cdr.correlation.record import Outcome

CHALLENGES = frozenset({401, 407})
"""Codes that ask the caller to try again with credentials; they do not end an attempt."""

_OUTCOME_OF_CODE: Mapping[int, Outcome] = {
    401: Outcome.UNAUTHORIZED,
    402: Outcome.UNAUTHORIZED,
    404: Outcome.NOT_FOUND,
    407: Outcome.UNAUTHORIZED,
    408: Outcome.NO_ANSWER,
    410: Outcome.NOT_FOUND,
    480: Outcome.NO_ANSWER,
    484: Outcome.NOT_FOUND,
    486: Outcome.BUSY,
    487: Outcome.CANCELLED,
    600: Outcome.BUSY,
    603: Outcome.DECLINED,
    604: Outcome.NOT_FOUND,
}


def outcome_of(code: int) -> Outcome:
    """Return the outcome of a final ``code`` (200–699); ``FAILED`` for codes that the table does not list."""
    if 200 <= code < 300:
        return Outcome.ANSWERED
    if 300 <= code < 400:
        return Outcome.REDIRECTED
    return _OUTCOME_OF_CODE.get(code, Outcome.FAILED)
