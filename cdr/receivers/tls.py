"""TLS of listeners (syslog of RFC 5425, RADIUS of RFC 6614): certificates, their renewal, and who the clients are."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

from cryptography import x509
from cryptography.x509.oid import NameOID

from cdr.events import Unparsable
from cdr.receivers.service import Served
from cdr.storage.allowed_files import allowed_tls_file
from cdr.storage.complaints import complain

_LOOK = 60.0
"""Seconds between looks whether the files were renewed, and whether the certificate expires."""

_EXPIRES_SOON = timedelta(days=14)


class TlsSettings(Protocol):
    """Settings of a source that listens with TLS."""

    @property
    def certificate(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def client_ca(self) -> str: ...


class TlsFiles(NamedTuple):
    """Paths of PEM files, as the settings name them; an empty ``key`` is in the file of the certificate."""

    certificate: str
    key: str
    client_ca: str

    @classmethod
    def of(cls, sources: Sequence[Served]) -> TlsFiles:
        """Return the files of sources that share a listener; raise ``ValueError`` unless they agree."""
        files = {_files(served.settings) for served in sources}
        if len(files) > 1:
            raise ValueError("sources that share a TLS listener need the same certificate, key and client_ca")
        return files.pop()


def _files(settings: TlsSettings) -> TlsFiles:
    return TlsFiles(settings.certificate, settings.key, settings.client_ca)


class TlsListener:
    """Makes TLS connections of accepted sockets. Files that are renewed are read again.

    Raise ``OSError`` where they cannot be read.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._versions = _versions(files)
        self._context = _context(files)
        self._look_at = 0.0

    def wrap(self, accepted: socket.socket) -> ssl.SSLSocket:
        """Return the socket with TLS; reading from it makes the handshake."""
        return self._context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)

    def renew(self, sources: Sequence[Served]) -> None:
        """Read renewed files now and then; warn ``sources`` where that fails, or the certificate ends soon."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK
        try:
            versions = _versions(self._files)
            if versions != self._versions:
                self._context, self._versions = _context(self._files), versions
            warning = _expiry(self._files.certificate)
        except OSError as error:
            warning = f"the certificate cannot be read again, the one before stays in use: {error}"
            complain("a TLS certificate cannot be read again", str(error))
        if warning:
            for served in sources:
                served.timed.add("certificate", warning)


def check_client(connection: socket.socket, allowed: Sequence[str]) -> None:
    """Raise ``Unparsable`` unless the client's certificate bears one of the names that are allowed, if any are."""
    if allowed and not client_names(connection) & set(allowed):
        raise Unparsable(f"the certificate names {', '.join(client_names(connection)) or 'nobody'}")


def client_names(connection: socket.socket) -> frozenset[str]:
    """Return the names in the client's certificate, in lower case: common name and DNS names; none without one."""
    shown = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None
    if not shown:
        return frozenset()
    certificate = x509.load_der_x509_certificate(shown)
    names = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    with suppress(x509.ExtensionNotFound):
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names += extension.value.get_values_for_type(x509.DNSName)
    return frozenset(name.lower() for name in names)


def _context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A client that only sends would leave a ticket unread, and its close would then discard what it sent.
    context.num_tickets = 0
    certificate = allowed_tls_file(files.certificate)
    key = allowed_tls_file(files.key) if files.key else None
    try:
        context.load_cert_chain(certificate, key, password="")  # else it would ask at the terminal
        if files.client_ca:
            context.load_verify_locations(allowed_tls_file(files.client_ca))
            context.verify_mode = ssl.CERT_REQUIRED
    except (ssl.SSLError, ValueError) as error:
        names = ", ".join(filter(None, files))
        reason = getattr(error, "reason", "") or "no PEM"
        raise OSError(
            f"no TLS with {names}: {reason}; it takes PEM files of a certificate, its key without a passphrase, and "
            "of authorities"
        ) from error
    return context


def _versions(files: TlsFiles) -> list[tuple[int, int]]:
    found = [allowed_tls_file(name).stat() for name in files if name]
    return [(one.st_ino, one.st_mtime_ns) for one in found]


def _expiry(certificate: str) -> str:
    pem = Path(allowed_tls_file(certificate)).read_bytes()
    ends = x509.load_pem_x509_certificate(pem).not_valid_after_utc
    left = ends - datetime.now(UTC)
    if left > _EXPIRES_SOON:
        return ""
    return f"the TLS certificate {'expires' if left > timedelta(0) else 'expired'} on {ends:%Y-%m-%d}; renew it"
