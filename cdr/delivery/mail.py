"""Sending a file by e-mail, through the server that the settings name."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from cdr.delivery.failures import DeliveryFailed, DeliveryRefused
from cdr.delivery.prepared import PreparedFile

TIMEOUT = 30
LARGEST_ATTACHMENT = 15_000_000
"""Bytes; larger mails are refused by most servers."""


def send_mail(file: PreparedFile, recipients: Sequence[str], key: str) -> None:
    """Send a mail whose Message-ID is made of ``key``. Raise ``DeliveryFailed`` where the server did not take it."""
    if not settings.MAIL_IS_SET_UP:
        raise DeliveryRefused("no mail server is set up: set EMAIL_URL")
    if len(file.data) > LARGEST_ATTACHMENT:
        raise DeliveryRefused(
            f"the file has {len(file.data)} bytes, more than the {LARGEST_ATTACHMENT} that mail servers take; "
            "narrow the filter, or send it to a webhook"
        )
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "localhost"
    message = EmailMessage(
        subject=" ".join(file.title.split()),
        body=file.text,
        to=list(recipients),
        headers={"Message-ID": f"<{key}@{domain}>", "Auto-Submitted": "auto-generated"},
        connection=get_connection(timeout=TIMEOUT),
    )
    message.attach(file.name, file.data, file.media_type)
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        reasons = "; ".join(f"{address}: {_reply(code, text)}" for address, (code, text) in error.recipients.items())
        temporary = any(400 <= code < 500 for code, _text in error.recipients.values())
        raise (DeliveryFailed if temporary else DeliveryRefused)(f"the mail server refused {reasons}") from error
    except smtplib.SMTPResponseException as error:
        kind = DeliveryRefused if error.smtp_code >= 500 else DeliveryFailed
        raise kind(f"the mail server refused the mail: {_reply(error.smtp_code, error.smtp_error)}") from error
    except (smtplib.SMTPException, OSError, socket.gaierror) as error:
        raise DeliveryFailed(f"the mail server {settings.EMAIL_HOST} could not be used: {error}") from error


def _reply(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"[:300]
