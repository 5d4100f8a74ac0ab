"""Certificates for tests: an authority of their own, and what it signs."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

YEAR = timedelta(days=365)


class Authority:
    """Signs certificates, and keeps them and its own as PEM files in ``folder``."""

    def __init__(self, folder: Path, name: str = "test-ca") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self.file = folder / f"{name}.pem"
        own = self._certificate(self._name, self._key, YEAR).add_extension(x509.BasicConstraints(True, None), True)
        self.file.write_bytes(_pem(own.sign(self._key, hashes.SHA256())))

    def issue(self, name: str, *, lasts: timedelta = YEAR) -> Path:
        """Return a file with a certificate for a DNS name and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._certificate(_named(name), key, lasts)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        file = self._folder / f"{name}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(_pem(made.sign(self._key, hashes.SHA256())) + private)
        return file

    def client(self, certificate: Path | None = None) -> ssl.SSLContext:
        """Return what a client needs to trust this authority, and to show a certificate if one is given."""
        context = ssl.create_default_context(cafile=self.file)
        context.check_hostname = False
        if certificate:
            context.load_cert_chain(certificate)
        return context

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + lasts)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
