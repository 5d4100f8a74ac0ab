"""Encryption of database passwords at rest, with a key derived from ``SECRET_KEY``.

Encrypted are the values of ``SECRET_OPTIONS`` and, in other parameters, any URL with a password. The rest of a profile
is stored as plain text.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.encoding import force_bytes

from proxyconf.profile import SECRET_OPTIONS, mask_password

REMEDY = "give that key in SECRET_KEY_FALLBACKS, or enter it again"
"""What to do about a secret that was encrypted with another key."""

_SEALED = "sealed"
_PURPOSE = b"accweb database passwords"
_TOKEN = re.compile(r"gAAAA[\w-]{90,}=*", re.ASCII)
"""What Fernet writes: version, time, at least a block, and a checksum, in base64."""


class Unreadable(ValueError):
    """A secret was sealed with a key that is neither ``SECRET_KEY`` nor one of ``SECRET_KEY_FALLBACKS``."""


def seal(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode("ascii")


def unseal(text: str) -> str:
    """Decrypt the result of ``seal``; raise ``Unreadable`` if the key has changed since."""
    try:
        return _fernet().decrypt(text.encode()).decode()
    except InvalidToken as error:
        raise Unreadable(f"it was encrypted with another SECRET_KEY: {REMEDY}") from error


def resealed(value: Any) -> Any:
    """Return a JSON value with every sealed text in it encrypted with ``SECRET_KEY``.

    What cannot be read stays as it is; see ``unreadable``.
    """
    match value:
        case dict():
            return {key: resealed(item) for key, item in value.items()}
        case list():
            return [resealed(item) for item in value]
        case str() if _TOKEN.fullmatch(value):
            try:
                return _fernet().rotate(value.encode()).decode("ascii")
            except InvalidToken:
                return value
    return value


def unreadable(value: Any, name: str) -> list[str]:
    """Return the names of the sealed texts in a JSON value that no key fits; ``name`` is that of the value."""
    match value:
        case dict():
            return [found for key, item in value.items() for found in unreadable(item, _member(name, key))]
        case list():
            return [found for item in value for found in unreadable(item, name)]
        case str() if _TOKEN.fullmatch(value):
            try:
                unseal(value)
            except Unreadable:
                return [name]
    return []


def _member(name: str, key: str) -> str:
    return name if key == _SEALED else f"{name}.{key}"


def sealed_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a profile's JSON with each secret encrypted as ``{"sealed": …}``."""
    return {key: {_SEALED: seal(value)} if _is_secret(key, value) else value for key, value in options.items()}


def unsealed_options(options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Decrypt the result of ``sealed_options``; return the options and the keys of those that cannot be decrypted."""
    plain, lost = {}, []
    for key, value in options.items():
        try:
            plain[key] = unseal(value[_SEALED]) if isinstance(value, dict) else value
        except Unreadable:
            lost.append(key)
    return plain, lost


def sealed_parameters(parameters: list[list[Any]]) -> list[list[Any]]:
    """Return ``other_parameters`` of a profile's JSON with each URL that contains a password encrypted."""
    return [[module, name, {_SEALED: seal(v)} if _has_password(v) else v] for module, name, v in parameters]


def unsealed_parameters(parameters: list[list[Any]]) -> tuple[list[list[Any]], list[str]]:
    """Decrypt the result of ``sealed_parameters``; return it and the names of those that cannot be decrypted."""
    plain, lost = [], []
    for module, name, value in parameters:
        try:
            plain.append([module, name, unseal(value[_SEALED]) if isinstance(value, dict) else value])
        except Unreadable:
            lost.append(f"{module}.{name}")
    return plain, lost


def _is_secret(key: str, value: object) -> bool:
    return isinstance(value, str) and (key in SECRET_OPTIONS or _has_password(value))


def _has_password(value: object) -> bool:
    return isinstance(value, str) and mask_password(value) != value


def _fernet() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(key))) for key in keys])


def _derived(secret: str | bytes) -> bytes:
    return hashlib.blake2b(force_bytes(secret), digest_size=32, key=_PURPOSE).digest()
