"""Our part of the protocol with an RFC 6733 peer: answers to its requests, and the watchdog request.

The messages are python-diameter's. Its ``Node`` is not used: it reorders the AVPs of requests, but legs depend on their
order; it chooses the connection for an answer by Origin-Host, which is ambiguous if a proxy has two; and it refuses a
repeated request (the T bit) that it has answered, although the proxy lost that answer.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from diameter.message import Avp, Message
from diameter.message import constants as diameter
from diameter.message.commands import DeviceWatchdogRequest

from cdr.events import Unparsable
from cdr.formats.diameter import BASE_ACCOUNTING

PRODUCT = "accweb"
_STARTED = int(time.time())  # Origin-State-Id: greater after each restart
_numbers = itertools.count(1)


class Identity(NamedTuple):
    """Our Origin-Host and Origin-Realm."""

    host: str
    realm: str


class PeerReply(NamedTuple):
    """An answer; ``opens``: the peer may send accounting from now on; ``ends``: the connection ends with it."""

    answer: bytes
    opens: bool = False
    ends: bool = False


def reply(raw: bytes, identity: Identity, address: str) -> PeerReply:
    """Return the reply to a request other than accounting. ``address`` is our own on that connection.

    Raise ``Unparsable`` if it is not a request that can be answered.
    """
    request = _request(raw)
    match request.header.command_code:
        case diameter.CMD_CAPABILITIES_EXCHANGE:
            return _capabilities(request, identity, address)
        case diameter.CMD_DEVICE_WATCHDOG:
            return PeerReply(
                _answer(request, identity, diameter.E_RESULT_CODE_DIAMETER_SUCCESS, origin_state_id=_STARTED)
            )
        case diameter.CMD_DISCONNECT_PEER:
            return PeerReply(_answer(request, identity, diameter.E_RESULT_CODE_DIAMETER_SUCCESS), ends=True)
    return PeerReply(_unsupported(request, identity))


def accounting_answer(raw: bytes, identity: Identity) -> bytes:
    """Return the Accounting-Answer of a stored request; raise ``Unparsable`` if it is not such a request."""
    request = _request(raw)
    if not request.session_id:
        raise Unparsable("Accounting-Request without Session-Id, which its answer must repeat")
    return _answer(
        request,
        identity,
        diameter.E_RESULT_CODE_DIAMETER_SUCCESS,
        session_id=request.session_id,
        accounting_record_type=request.accounting_record_type,
        accounting_record_number=request.accounting_record_number,
        acct_application_id=BASE_ACCOUNTING,
        proxy_info=request.proxy_info,
    )


def watchdog(identity: Identity) -> bytes:
    """Return a Device-Watchdog-Request."""
    request = DeviceWatchdogRequest()
    request.header.hop_by_hop_identifier = request.header.end_to_end_identifier = next(_numbers) & 0xFFFF_FFFF
    request.origin_host, request.origin_realm = identity.host.encode(), identity.realm.encode()
    request.origin_state_id = _STARTED
    return bytes(request.as_bytes())


def _request(raw: bytes) -> Any:
    try:
        return Message.from_bytes(raw)
    except Exception as error:  # the bytes may be anything
        raise Unparsable(f"not a Diameter message that can be answered: {type(error).__name__}: {error}") from error


def _capabilities(request: Any, identity: Identity, address: str) -> PeerReply:
    offered = {*request.acct_application_id, *request.auth_application_id}
    offered |= {vendor.acct_application_id for vendor in request.vendor_specific_application_id}
    common = bool(offered & {BASE_ACCOUNTING, diameter.APP_RELAY})
    result = (
        diameter.E_RESULT_CODE_DIAMETER_SUCCESS if common else diameter.E_RESULT_CODE_DIAMETER_NO_COMMON_APPLICATION
    )
    answer = _answer(
        request,
        identity,
        result,
        host_ip_address=[address],
        vendor_id=0,
        product_name=PRODUCT,
        origin_state_id=_STARTED,
        acct_application_id=[BASE_ACCOUNTING],
    )
    return PeerReply(answer, opens=common, ends=not common)


def _answer(request: Any, identity: Identity, result: int, **members: Any) -> bytes:
    answer = request.to_answer()
    answer.result_code = result
    answer.origin_host, answer.origin_realm = identity.host.encode(), identity.realm.encode()
    for name, value in members.items():
        setattr(answer, name, value)
    return bytes(answer.as_bytes())


def _unsupported(request: Any, identity: Identity) -> bytes:
    """Return the answer to an unknown command (RFC 6733 section 7.2)."""
    answer = Message(request.to_answer().header)
    answer.header.is_request, answer.header.is_error = False, True
    for avp in _session(request):
        answer.append_avp(avp)
    answer.append_avp(Avp.new(diameter.AVP_ORIGIN_HOST, value=identity.host.encode()))
    answer.append_avp(Avp.new(diameter.AVP_ORIGIN_REALM, value=identity.realm.encode()))
    answer.append_avp(Avp.new(diameter.AVP_RESULT_CODE, value=diameter.E_RESULT_CODE_DIAMETER_COMMAND_UNSUPPORTED))
    return bytes(answer.as_bytes())


def _session(request: Any) -> Iterable[Avp]:
    session = getattr(request, "session_id", None)
    return [Avp.new(diameter.AVP_SESSION_ID, value=session)] if isinstance(session, str) else []
