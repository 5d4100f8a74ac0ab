"""The configuration of radsecproxy on a proxy's host: it takes RADIUS over UDP there and sends it over TLS (RFC 6614).

The RADIUS clients of the proxies speak UDP only.
"""

from __future__ import annotations

from proxyconf.render.endpoint import checked_host, checked_port

_SECRET = "a-secret-of-this-host"  # noqa: S105  # an example
"""Shared by the proxy and radsecproxy beside it; nobody else gets at the loopback address."""


def radsecproxy_conf(*, host: str, port: int = 2083, folder: str = "/etc/radsecproxy", listen: str = "1813") -> str:
    """Return the configuration that sends accounting to ``host`` and ``port``; certificates are in ``folder``."""
    host, port = checked_host(host), checked_port(port)
    return f"""\
# Save it as /etc/radsecproxy.conf and restart radsecproxy. The proxy's RADIUS client uses 127.0.0.1:{listen} with the
# secret below. ca.pem signed accweb's certificate; proxy.pem and proxy.key are this host's, signed by client_ca there.
ListenUDP 127.0.0.1:{listen}
tls accweb {{
    CACertificateFile {folder}/ca.pem
    CertificateFile {folder}/proxy.pem
    CertificateKeyFile {folder}/proxy.key
}}
client 127.0.0.1 {{
    type udp
    secret {_SECRET}
}}
server accweb {{
    host {host}
    port {port}
    type tls
    tls accweb
    secret radsec
    statusServer on
}}
realm * {{
    accountingServer accweb
}}
"""
