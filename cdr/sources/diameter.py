"""Settings of Diameter listeners."""
# ruff: noqa: RUF009  # the functions called there return fields

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from cdr.sources.setting import ListenAddress, Network, Settings, SettingsError, address, networks, path, rate, text

_IDENTITY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diameter(Settings):
    """Diameter accounting over TCP: Kamailio's ``acc_diameter`` and peers of RFC 6733, told apart by what they send."""

    served: ClassVar[bool] = True
    senders_setting: ClassVar[str] = "senders"
    listen: ListenAddress = address(
        ListenAddress("0.0.0.0", 3868),  # noqa: S104
        "address and port to listen at; peers use port 3868, acc_diameter 3000; sources with the same one share it",
    )
    senders: tuple[Network, ...] = networks(
        (),
        "addresses and networks of the proxies; empty: the addresses of the proxy; 0.0.0.0/0 and ::/0: everybody",
    )
    rate: int = rate()
    identity: str = text("accweb.localdomain", "the name (Origin-Host) that RFC 6733 peers know us by")
    realm: str = text("", "our realm (Origin-Realm); empty: what follows the first dot of the name")
    dictionary: str = path("", "dictionary file of the proxy's own AVPs; $INCLUDE is followed")

    def service(self, own: str) -> str:
        return f"diameter {self.listen}"

    def check(self) -> None:
        wrong = {
            name: f"{value!r} is not a valid host or realm name, such as acct.example.net"
            for name, value in (("identity", self.identity), ("realm", self.realm))
            if value and not _IDENTITY.fullmatch(value)
        }
        if wrong:
            raise SettingsError(wrong)

    @property
    def own_realm(self) -> str:
        return self.realm or self.identity.partition(".")[2] or self.identity
