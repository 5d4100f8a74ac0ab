"""Show how to connect a proxy: for each backend the exact lines for both sides."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from cdr.display.wording import Text
from cdr.models import Source
from cdr.sources import KINDS
from cdr.sources.setting import SettingsError
from proxyconf.models import Proxy
from proxyconf.models.revision import latest_revision
from proxyconf.public import (
    AccountingProfile,
    acc_section,
    find_artefact,
    radsecproxy_conf,
    routing_hints,
    syslog_rule,
)
from proxyconf.vocabulary.layout import BACKEND_NAMES, Backend
from proxyconf.vocabulary.parameters import backends_of
from proxyconf.vocabulary.products import Product, Version

_EVENTS = ("E_ACC_EVENT", "E_ACC_MISSED_EVENT", "E_ACC_CDR")
_PLACEHOLDER = "PASSWORD"
_SYSLOG_TLS = 6514


@dataclass(frozen=True, slots=True)
class Block:
    """Lines to copy, and their caption."""

    caption: Text
    text: str


@dataclass(frozen=True, slots=True)
class ConnectionWay:
    """One way to connect. ``is_set_up``: there is a source for it already."""

    backend: Backend
    title: str
    blocks: Sequence[Block]
    is_set_up: bool


def ways(proxy: Proxy, sources: Sequence[Source], host: str) -> list[ConnectionWay]:
    """Return the ways to connect that the release of ``proxy`` supports.

    The lines are those of the published profile, or of a suggested one for backends that it does not use. ``host`` is
    the name under which the proxy reaches accweb.
    """
    release = Product(proxy.product), Version.parse(proxy.version)
    revision = latest_revision(proxy)
    published = revision.value.masked() if revision else None
    return [_way(proxy, backend, sources, host, published) for backend in backends_of(*release)]


def _way(
    proxy: Proxy, backend: Backend, sources: Sequence[Source], host: str, published: AccountingProfile | None
) -> ConnectionWay:
    kinds = _KINDS[backend]
    own = next((source for source in sources if source.kind in kinds), None)
    kind = own.kind if own else _usual_kind(backend)
    port = _port(own, kind)
    if published and backend in published.backends:
        profile = replace(published, backends=(backend,))
    else:
        profile = AccountingProfile.suggested(Product(proxy.product), Version.parse(proxy.version), [backend])
    profile = replace(profile, options=_options(profile, backend, kind, host, port) | dict(profile.options))
    blocks = [
        *([] if own else [Block(_("On this server: add a source"), _command(proxy, backend, kind))]),
        Block(_("Proxy configuration"), acc_section(profile)),
        Block(_("Proxy routes"), routing_hints(profile)),
        *_beside(profile, backend, host, port, own),
        *([] if own else _encrypted(proxy, profile, backend, host)),
    ]
    return ConnectionWay(backend, BACKEND_NAMES[backend], blocks, own is not None)


_KINDS: Mapping[Backend, tuple[Source.Kind, ...]] = {
    Backend.SYSLOG: (Source.Kind.SYSLOG, Source.Kind.FILE),
    Backend.SQL: (Source.Kind.MIRROR, Source.Kind.DATABASE),
    Backend.RADIUS: (Source.Kind.RADIUS, Source.Kind.RADSEC, Source.Kind.DETAIL),
    Backend.DIAMETER: (Source.Kind.DIAMETER,),
    Backend.JSON: (Source.Kind.SYSLOG, Source.Kind.HTTP),
    Backend.EVENTS: (Source.Kind.EVENTS,),
}


def _usual_kind(backend: Backend) -> Source.Kind:
    """Return the kind to suggest: our own tables only if a proxy can reach them."""
    if backend is Backend.SQL and not _own_server():
        return Source.Kind.DATABASE
    return _KINDS[backend][0]


def _own_server() -> dict[str, Any] | None:
    own = settings.DATABASES["default"]
    return own if own["ENGINE"].endswith("postgresql") else None


def _port(source: Source | None, kind: str) -> int:
    """Return where the source listens, or a new one would; 0 where it does not."""
    listen: Any = KINDS[kind].default("listen") if "listen" in KINDS[kind].declared() else None
    with suppress(SettingsError):
        listen = getattr(source.parsed_settings(), "listen", listen) if source else listen
    return int(listen.port) if listen else 0


def _options(profile: AccountingProfile, backend: Backend, kind: str, host: str, port: int) -> dict[str, int | str]:
    """Return the parameters that a backend requires."""
    match backend:
        case Backend.SQL:
            options: dict[str, int | str] = {"db_url": _db_url(kind, host)}
        case Backend.RADIUS if "aaa_url" in profile.parameters:
            options = {"aaa_url": "radius:/etc/opensips/radiusclient.conf"}
        case Backend.RADIUS:
            options = {"radius_config": f"/etc/{profile.product}/radiusclient.conf"}
        case Backend.DIAMETER if "aaa_url" in profile.parameters:
            options = {"aaa_url": "diameter:freeDiameter-client.conf"}
        case Backend.DIAMETER:
            options = {"diameter_client_host": host, "diameter_client_port": port}
        case _:
            options = {}
    return {key: value for key, value in options.items() if key in profile.parameters}


def _db_url(kind: str, host: str) -> str:
    own = _own_server()
    if kind == Source.Kind.MIRROR and own:
        server = own["HOST"] if own["HOST"] and not own["HOST"].startswith("/") else host
        port = f":{own['PORT']}" if own["PORT"] else ""
        return f"postgres://{own['USER'] or 'accweb'}:{_PLACEHOLDER}@{server}{port}/{own['NAME']}"
    return f"mysql://kamailio:{_PLACEHOLDER}@localhost/kamailio"


def _command(proxy: Proxy, backend: Backend, kind: str, *settings_of_kind: str) -> str:
    needed = {
        Source.Kind.DATABASE: (
            "engine=mysql",
            "server=db.example.net",
            "database=kamailio",
            "user=accweb",
            "password=-",
        ),
        Source.Kind.RADIUS: ("secret=-",),
    }
    given = [*needed.get(Source.Kind(kind), ()), *settings_of_kind]
    if (name := KINDS[kind].senders_setting) and not proxy.sender_addresses:
        given.append(f"{name}=192.0.2.10")
    options = " ".join(f"--set {one}" for one in given)
    return f"manage.py source add --proxy {shlex.quote(proxy.name)} --kind {kind} {options}".rstrip()


_CERTIFICATE = ("certificate=/etc/accweb/tls/server.pem", "key=/etc/accweb/tls/server.key")


def _encrypted(proxy: Proxy, profile: AccountingProfile, backend: Backend, host: str) -> Iterator[Block]:
    """Yield how the same comes over TLS."""
    caption = _("Or encrypted (TLS), on this server:")
    if backend in (Backend.SYSLOG, Backend.JSON):
        encrypted = ("transport=tls", f"listen=0.0.0.0:{_SYSLOG_TLS}", *_CERTIFICATE)
        yield Block(caption, _command(proxy, backend, Source.Kind.SYSLOG, *encrypted))
        rule = syslog_rule(profile, "rsyslog", host=host, port=_SYSLOG_TLS, transport="tls")
        yield Block(_("rsyslog with TLS on the proxy's host"), rule)
    elif backend is Backend.RADIUS:
        client_ca = "client_ca=/etc/accweb/tls/clients.pem"
        yield Block(caption, _command(proxy, backend, Source.Kind.RADSEC, *_CERTIFICATE, client_ca))
        yield Block(_("radsecproxy on the proxy's host"), radsecproxy_conf(host=host))


def _beside(
    profile: AccountingProfile, backend: Backend, host: str, port: int, source: Source | None
) -> Iterator[Block]:
    """Yield what else the proxy's host needs."""
    if backend in (Backend.SYSLOG, Backend.JSON):
        transport = "tls" if source and source.settings.get("transport") == "tls" else "tcp"
        rule = syslog_rule(profile, "rsyslog", host=host, port=port or 514, transport=transport)
        yield Block(_("rsyslog on the proxy's host"), rule)
    elif backend is Backend.RADIUS:
        through_radsec = source is not None and source.kind == Source.Kind.RADSEC
        if through_radsec:
            yield Block(_("radsecproxy on the proxy's host"), radsecproxy_conf(host=host, port=port))
        for name, caption in (
            ("radius/radiusclient.conf", _("RADIUS client configuration")),
            ("radius/servers", _("RADIUS secret")),
        ):
            if found := find_artefact(profile, name, "127.0.0.1" if through_radsec else host):
                yield Block(caption, found.text)
    elif backend is Backend.EVENTS:
        lines = "\n".join(f'    subscribe_event("{name}", "udp:{host}:{port}");' for name in _EVENTS)
        yield Block(_("Event destination"), f'loadmodule "event_datagram.so"\n\nstartup_route {{\n{lines}\n}}\n')
