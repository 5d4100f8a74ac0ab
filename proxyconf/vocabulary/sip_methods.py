"""The numbers of SIP methods inside the proxies, one bit each (pseudo-variable ``$rm``, RADIUS ``Sip-Method``).

Sources: ``core/parser/msg_parser.h`` of Kamailio, ``parser/msg_parser.h`` of OpenSIPS and OpenSER. The dictionaries
that Kamailio ships list the numbers of OpenSIPS, so their VALUE lines are wrong for six of Kamailio's methods.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxyconf.vocabulary.products import Product

_COMMON: Mapping[str, int] = {
    "INVITE": 1,
    "CANCEL": 2,
    "ACK": 4,
    "BYE": 8,
    "INFO": 16,
    "MESSAGE": 256,
    "REFER": 4096,
    "PUBLISH": 8192,
}
_OPENSER: Mapping[str, int] = {
    **_COMMON,
    "OPTIONS": 32,
    "UPDATE": 64,
    "REGISTER": 128,
    "SUBSCRIBE": 512,
    "NOTIFY": 1024,
    "PRACK": 2048,
    "OTHER": 16384,
}
METHOD_NUMBERS: Mapping[Product, Mapping[str, int]] = {
    Product.OPENSER: _OPENSER,
    Product.OPENSIPS: _OPENSER,
    Product.KAMAILIO: {
        **_COMMON,
        "REGISTER": 32,
        "SUBSCRIBE": 64,
        "NOTIFY": 128,
        "OPTIONS": 512,
        "PRACK": 1024,
        "UPDATE": 2048,
        "KDMQ": 16384,
        "GET": 32768,
        "POST": 65536,
        "PUT": 131072,
        "DELETE": 262144,
        "OTHER": 524288,
    },
}
"""Method names to numbers, per product."""

METHOD_NAMES: Mapping[Product, Mapping[int, str]] = {
    product: {number: name for name, number in numbers.items()} for product, numbers in METHOD_NUMBERS.items()
}
"""Numbers to method names, per product."""
