"""The rsyslog or syslog-ng rule that forwards a proxy's accounting lines, and no others, to accweb.

Accounting lines of Kamailio are those of the accounting module (``acc [acc.c:123]:``), not those of the script, which
may contain text of a caller. OpenSIPS and OpenSER begin the message with ``ACC:``, since OpenSIPS 3.4 after the level.
"""

from __future__ import annotations

from enum import StrEnum

from proxyconf.profile import AccountingProfile
from proxyconf.render.endpoint import checked_host, checked_port
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product

_KAMAILIO = "^ ?[A-Z]+[0-9]?: [^<]*acc [[]{file}[.]c:[0-9]+[]]: ([a-z_]+[(][)]: )?"
_OPENSIPS_LEVEL = "^ ?([^=;]*[A-Z]+[0-9]?:)?"
_EVENTS = "ACC: (transaction answered|call missed|request accounted|request acknowledged|call ended): "
_TIME = "(timestamp|created)=[0-9]"


class Daemon(StrEnum):
    RSYSLOG = "rsyslog"
    SYSLOG_NG = "syslog-ng"


class Transport(StrEnum):
    """The transport of lines. With TCP and TLS lines wait for the receiver; UDP loses lines and truncates long ones."""

    TCP = "tcp"
    TLS = "tls"
    UDP = "udp"


def syslog_rule(
    profile: AccountingProfile,
    daemon: Daemon | str = Daemon.RSYSLOG,
    *,
    host: str = "127.0.0.1",
    port: int = 514,
    transport: Transport | str = Transport.TCP,
    ca: str = "/etc/ssl/certs/ca-certificates.crt",
) -> str:
    """Return the rule that sends the lines of a proxy with this profile to ``host`` and ``port``.

    With TLS, ``ca`` is the file of the certificate authorities that may have signed the receiver's certificate. Raise
    ``ValueError`` for an unknown daemon or transport, and for an invalid host or port.
    """
    daemon, transport = Daemon(daemon), Transport(transport)
    host, port = checked_host(host), checked_port(port)
    patterns, json = line_patterns(profile), writes_json(profile)
    title = f"# Accounting lines of {profile.product.label} {profile.version} to accweb, for {daemon}.\n"
    if not patterns and not json:
        return f"{title}# This profile writes no accounting to syslog.\n"
    write = _rsyslog if daemon is Daemon.RSYSLOG else _syslog_ng
    return title + write(patterns, json, host, port, transport, ca)


def line_patterns(profile: AccountingProfile) -> dict[str, str]:
    """Return the patterns of accounting lines: a fixed text in each line, and a regular expression for the message.

    The expressions are valid both as POSIX extended and as Perl expressions. JSON objects are not matched by a pattern
    but by the name of the program.
    """
    patterns = {}
    kamailio = profile.product is Product.KAMAILIO and profile.version >= (3, 0)
    if Backend.SYSLOG in profile.backends:
        level = _OPENSIPS_LEVEL if profile.product is Product.OPENSIPS and profile.version >= (3, 4) else "^ ?"
        patterns["ACC: "] = (_KAMAILIO.format(file="acc") if kamailio else level) + _EVENTS + _TIME
    if profile.is_on("cdr_enable") and profile.option("cdr_log_enable") in (None, 1):
        start = _literal(str(profile.option("cdr_start_id") or "start_time"))
        patterns["acc_cdr"] = f"{_KAMAILIO.format(file='acc_cdr')}{start}=[0-9]"
    return patterns


def writes_json(profile: AccountingProfile) -> bool:
    """Return whether acc_json sends objects to syslog (its default), under the program name ``json_acc``."""
    if Backend.JSON not in profile.backends or Backend.JSON not in profile.known_backends:
        return False
    outputs = ["acc_json.acc_output_syslog", "acc_json.output_syslog"]
    outputs += ["acc_json.cdr_output_syslog"] if profile.is_on("acc_json.cdr_enable") else []
    return any(map(profile.is_on, outputs))


def _literal(text: str) -> str:
    """Return a pattern for a text, with ``.`` for special characters, whose escapes differ between the daemons."""
    return "".join(char if char.isascii() and (char.isalnum() or char == "_") else "." for char in text)


def _rsyslog(patterns: dict[str, str], json: bool, host: str, port: int, transport: Transport, ca: str) -> str:
    conditions = [f"($msg contains '{text}' and re_match($msg, '{pattern}'))" for text, pattern in patterns.items()]
    conditions += ["$programname == 'json_acc'"] if json else []
    protocol = Transport.UDP if transport is Transport.UDP else Transport.TCP
    framing = "" if transport is Transport.UDP else ' TCP_Framing="octet-counted"'
    tls = _RSYSLOG_TLS.format(host=host, ca=ca) if transport is Transport.TLS else ""
    return f"""\
# Save it as /etc/rsyslog.d/30-accweb.conf and restart rsyslog. The lines stay in the local log too.
# Long lines (many extra fields) need global(maxMessageSize="64k") at the top of /etc/rsyslog.conf. systemd-journald
# drops lines of a busy proxy unless RateLimitIntervalSec=0 is set in /etc/systemd/journald.conf.
if {_OR_RSYSLOG.join(conditions)} then {{
    action(type="omfwd" target="{host}" port="{port}" protocol="{protocol}"{framing}{tls}
        template="RSYSLOG_SyslogProtocol23Format"
        # keeps the lines on disk while accweb is unavailable
        queue.type="LinkedList" queue.filename="accweb" queue.maxDiskSpace="1g" queue.saveOnShutdown="on"
        action.resumeRetryCount="-1")
}}
"""


_RSYSLOG_TLS = """
        # needs the package rsyslog-gnutls; StreamDriver.CertFile and .KeyFile, if accweb asks for a certificate
        StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="{host}"
        StreamDriver.CAFile="{ca}\""""
_OR_RSYSLOG = "\n    or "


def _syslog_ng(patterns: dict[str, str], json: bool, host: str, port: int, transport: Transport, ca: str) -> str:
    conditions = [f"match('{pattern}' value(\"MESSAGE\"))" for pattern in patterns.values()]
    conditions += ["program('^json_acc$')"] if json else []
    condition = "\n    or ".join(conditions)
    tls = f'\n        tls(ca-file("{ca}") peer-verify(required-trusted))' if transport is Transport.TLS else ""
    return f"""\
# Save it as /etc/syslog-ng/conf.d/accweb.conf and reload syslog-ng. s_src is Debian's name of the local source; others
# call it s_sys or s_local. Long lines (many extra fields) need options {{ log-msg-size(65536); }}. systemd-journald
# drops lines of a busy proxy unless RateLimitIntervalSec=0 is set in /etc/systemd/journald.conf.
filter f_accweb {{
    {condition};
}};
destination d_accweb {{
    syslog("{host}" transport("{transport}") port({port}){tls});
}};
log {{ source(s_src); filter(f_accweb); destination(d_accweb); }};
"""
