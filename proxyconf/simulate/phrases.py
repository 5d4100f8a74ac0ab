"""Standard reason phrases of SIP response codes (RFC 3261 section 21), as the proxies write them."""

from __future__ import annotations

_PHRASES = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
}
_OF_CLASS = {2: "Successful", 3: "Redirection", 4: "Request Failure", 5: "Server Failure", 6: "Global Failure"}


def standard_phrase(code: int) -> str:
    """Return the standard phrase of a code; for an unknown code the phrase of its class."""
    return _PHRASES.get(code) or _OF_CLASS.get(code // 100, "")
