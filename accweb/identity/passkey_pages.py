"""The pages of a passkey. Without these the theme would take its ``object`` for one of the admin."""

from __future__ import annotations

from typing import Any

from allauth.mfa.webauthn.views import EditWebAuthnView, RemoveWebAuthnView


class RenamePasskey(EditWebAuthnView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "object": None}


class RemovePasskey(RemoveWebAuthnView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "object": None}
