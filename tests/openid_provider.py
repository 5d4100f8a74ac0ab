"""A small OpenID provider on a free port of this machine: who logs in there is said by the test."""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt

CLIENT, SECRET = "accweb", "openid-secret"
_KEY = "k" * 64


class OpenIdProvider(ThreadingHTTPServer):
    """``claims`` go into the next ID token; ``issuer`` and ``audience`` may be made wrong."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.issuer, self.audience = self.address, CLIENT
        self.claims: dict[str, Any] = {}
        self.challenges: dict[str, str] = {}

    def id_token(self) -> str:
        now = int(time.time())
        about = {"iss": self.issuer, "aud": self.audience, "iat": now, "exp": now + 60}
        return jwt.encode({**about, **self.claims}, _KEY, algorithm="HS256")


class _Handler(BaseHTTPRequestHandler):
    server: OpenIdProvider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/authorize":
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            code = f"code-{len(self.server.challenges)}"
            self.server.challenges[code] = query["code_challenge"]
            self.send_response(302)
            back = urlencode({"code": code, "state": query["state"]})
            self.send_header("Location", f"{query['redirect_uri']}?{back}")
            self.end_headers()
        elif parts.path == "/.well-known/openid-configuration":
            address = self.server.address
            self._json(
                issuer=address,
                authorization_endpoint=f"{address}/authorize",
                token_endpoint=f"{address}/token",
                userinfo_endpoint=f"{address}/userinfo",
                jwks_uri=f"{address}/keys",
            )
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        verifier = sha256(form["code_verifier"][0].encode()).digest()
        expected = self.server.challenges.pop(form["code"][0], None)
        known = form["client_id"] == [CLIENT] and form["client_secret"] == [SECRET]
        if not known or urlsafe_b64encode(verifier).rstrip(b"=").decode() != expected:
            self.send_error(400)
            return
        self._json(access_token="a", token_type="Bearer", expires_in=60, id_token=self.server.id_token())

    def _json(self, **members: object) -> None:
        body = json.dumps(members).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def openid_provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as provider:
        thread = threading.Thread(target=provider.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            provider.shutdown()
            thread.join()
