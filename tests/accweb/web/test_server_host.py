from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from accweb.web.server_host import server_host


def request_to(host: str) -> HttpRequest:
    return RequestFactory().get("/", headers={"host": host})


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("accweb.example.com", "accweb.example.com"),
        ("accweb.example.com:8443", "accweb.example.com"),
        ("192.0.2.7:8000", "192.0.2.7"),
        ("[2001:db8::7]:8000", "2001:db8::7"),
        ("localhost:8000", "127.0.0.1"),
        ("[::1]:8000", "127.0.0.1"),
    ],
)
def test_the_host_of_this_server_is_the_one_that_the_request_was_sent_to(header: str, host: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert server_host(request_to(header)) == host
