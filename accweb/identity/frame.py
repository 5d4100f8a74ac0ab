"""Show allauth's pages in the frame of the site."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accweb.web import shell

_TITLES = {
    "mfa_index": _("Second factor"),
    "mfa_activate_totp": _("Set up an app"),
    "mfa_deactivate_totp": _("Remove the app"),
    "mfa_list_webauthn": _("Passkeys"),
    "mfa_add_webauthn": _("Add a passkey"),
    "mfa_edit_webauthn": _("Rename a passkey"),
    "mfa_remove_webauthn": _("Remove a passkey"),
    "mfa_view_recovery_codes": _("Recovery codes"),
    "mfa_generate_recovery_codes": _("New recovery codes"),
    "mfa_authenticate": _("Second factor"),
    "mfa_reauthenticate": _("Confirm that it is you"),
    "mfa_reauthenticate_webauthn": _("Confirm that it is you"),
    "account_reauthenticate": _("Confirm that it is you"),
    "openid_connect_login": _("Single sign-on"),
    "openid_connect_callback": _("Single sign-on"),
    "socialaccount_login_cancelled": _("Single sign-on"),
}


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the frame and title for a page of allauth (a context processor); other pages have their own."""
    name = request.resolver_match.url_name if request.resolver_match else None
    return {**shell.frame(request), "title": _TITLES[name]} if name in _TITLES else {}
