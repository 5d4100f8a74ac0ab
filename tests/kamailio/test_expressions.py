"""Whether a real Kamailio takes what the vocabulary of variables and transformations says it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxyconf.lint import Severity, check
from proxyconf.profile import AccountingProfile, ExtraDefinition
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from proxyconf.vocabulary.transformations import transformations_of
from proxyconf.vocabulary.variables import Takes, variables_in
from tests.kamailio.proxy import DidNotStart, running

pytestmark = pytest.mark.kamailio

RELEASE = Version(5, 6)  # the one that Debian 12 has
BATCH = 40  # fields that acc takes, fewer than its limit
ARGUMENTS = ",1,1"
REFUSED = (
    *("$(fU{s.foo})", "$(ru{uri.usr})", "$(fU{s.substr,0})", "$(fU{s.sha1})", "$(fU{s.countc,a})", "$(fU[0])"),
    *("$(avp(x)[abc])", "$avp(i:abc)", "$time(nosuch)", "$K(IP)", "$foo", "$ctu", "$ful"),
    *("$utime(nosuch)", "$time(SEC)", "$TV(n)", "$nh(x)", "$version(all)", "$expires(mid)", "$Mf(40)", "$Bf(x)"),
    *("$cnt($fU)", "$cnt(x)", "$avp(a.b)", "$avp(a:b)", "$xavp(a=>)"),
)
ARGUMENTS_OF = {
    "time": "sec min hour mday mon year wday yday isdst",
    "utime": "sec min hour mday mon year wday yday isdst",
    "timef": "%H:%M",
    "utimef": "%H",
    "TV": "s u Sn",
    "K": "IPv4 INET IPv6 INET6 UDP TCP TLS SCTP WS WSS",
    "nh": "u U d i p P",
    "version": "num full hash",
    "expires": "min max",
    "branch": "uri dst_uri path q send_socket count flags",
    "sbranch": "uri dst_uri path q send_socket flags ruid location_ua",
    "msg": "len hdrs body fline lpart buf",
    "rcv": "buf len proto srcip srcport rcvip rcvport af",
    "via0": "host port",
    "rpl": "duri",
    "snd": "ip buf",
    "hdr": "User-Agent X_A a.b 5 $var(x)",
    "hdrc": "Via",
    "hfl": "Via Foo",
    "hflc": "Via",
    "avp": "a a-b a_b s:a i:5 $var(x)",
    "var": "a a.b a-b",
    "xavp": "a a=>b a[0]=>b a=>b[1]=>c",
    "xavu": "a a=>b",
    "xavi": "a",
    "shv": "a",
    "vn": "a",
    "vz": "a",
    "cnt": "$avp(x) $xavp(a)",
    "Mf": "0 31",
    "Bf": "0 31",
    "Sf": "0 31",
    "sel": "via via.host ruri.user",
    "stat": "rcv_requests",
    "def": "X",
    "env": "HOME",
    "T": "id_index id_label reply_type branch_index reply_code",
}
"""Arguments that variables of the core and of the modules pv and tmx take."""


def logging(*texts: str) -> AccountingProfile:
    extras = [ExtraDefinition(f"f{at}", text, {Backend.SYSLOG: f"f{at}"}) for at, text in enumerate(texts)]
    return replace(AccountingProfile.suggested(Product.KAMAILIO, RELEASE, (Backend.SYSLOG,)), extras=tuple(extras))


def plain_variables() -> list[str]:
    known = variables_in(Product.KAMAILIO, RELEASE).values()
    return [f"${one.name}" for one in known if one.module == "pv" and one.takes is not Takes.REQUIRED]


def variables_with_arguments() -> list[str]:
    return [f"${name}({argument})" for name, arguments in ARGUMENTS_OF.items() for argument in arguments.split()]


def transformations() -> list[str]:
    """Each transformation of numbers or of nothing, which needs no other text."""
    known = transformations_of(Product.KAMAILIO).values()
    usable = [one for one in known if one.module == "pv" and (one.since is None or one.since <= RELEASE)]
    return [f"$(fU{{{one.name}{ARGUMENTS[: 2 * one.arguments]}}})" for one in usable]


def batches(texts: list[str]) -> list[list[str]]:
    return [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)]


@pytest.mark.parametrize(
    "texts", batches(plain_variables() + variables_with_arguments() + transformations()), ids=lambda texts: texts[0]
)
def test_kamailio_starts_with_what_the_vocabulary_has(texts: list[str], tmp_path: Path) -> None:
    assert [one for one in check(logging(*texts)) if one.severity is Severity.ERROR] == []
    with running(logging(*texts), tmp_path):
        pass


@pytest.mark.parametrize("text", REFUSED)
def test_what_kamailio_refuses_is_an_error_of_the_check(text: str, tmp_path: Path) -> None:
    profile = logging(text)
    assert any(one.severity is Severity.ERROR for one in check(profile))
    with pytest.raises(DidNotStart), running(profile, tmp_path):
        pass
