"""Exports as tests ask for them."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from cdr.export.columns import COLUMNS


def log_in(name: str, *permissions: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def bytes_of(response: Any) -> bytes:
    assert response.status_code == 200
    assert response.headers["Content-Disposition"].startswith('attachment; filename="calls-')
    body = b"".join(response.streaming_content)
    assert int(response.headers["Content-Length"]) == len(body)
    return body


def sent(client: Client, question: str = "", **wanted: Any) -> Any:
    """Open the page for the conditions of a list, as the list leads there, and send its form."""
    page = client.get(f"/exports/new/?{question}").text
    resolved = "".join(re.findall(r'name="conditions" value="(.*?)"', page)).replace("&amp;", "&")
    form = {"conditions": resolved, "format": "csv", "zone": "UTC", "column": COLUMNS}
    return client.post("/exports/new/", form | wanted)


def records(client: Client, conditions: str = "", **wanted: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in bytes_of(sent(client, conditions, format="jsonl", **wanted)).splitlines()]


def rows(client: Client, conditions: str = "", **wanted: Any) -> list[dict[str, str]]:
    text = bytes_of(sent(client, conditions, **wanted)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))
