"""URLs of the login: only those of django-allauth's pages that accweb uses."""

from __future__ import annotations

from allauth.account.views import reauthenticate
from allauth.mfa.base import views as second_factor
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.contrib import admin
from django.urls import path
from django.views.decorators.cache import never_cache

from accweb.identity import single_sign_on
from accweb.identity.limited import limited
from accweb.identity.locked_logins import LockedLogins
from accweb.identity.login_page import LoginPage
from accweb.identity.passkey_pages import RemovePasskey, RenamePasskey
from accweb.identity.password_page import PasswordPage
from accweb.identity.sessions_page import SessionsPage

_CODES = "account/second-factor/recovery-codes/"
_PASSKEYS = "account/second-factor/passkeys/"

urlpatterns = [
    path("admin/login/", LoginPage.as_view(), name="account_login"),
    path("admin/password_change/", PasswordPage.as_view(), name="own-password"),
    path("account/logout/", admin.site.logout, name="account_logout"),
    path("account/sessions/", SessionsPage.as_view(), name="sessions"),
    path("account/confirm/", never_cache(reauthenticate), name="account_reauthenticate"),
    path("account/second-factor/", never_cache(second_factor.index), name="mfa_index"),
    path("account/second-factor/login/", never_cache(second_factor.authenticate), name="mfa_authenticate"),
    path("account/second-factor/confirm/", never_cache(second_factor.reauthenticate), name="mfa_reauthenticate"),
    path("account/second-factor/app/", never_cache(totp.activate_totp), name="mfa_activate_totp"),
    path("account/second-factor/app/remove/", never_cache(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path(_CODES, never_cache(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path(f"{_CODES}new/", never_cache(recovery_codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path(f"{_CODES}file/", recovery_codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path(_PASSKEYS, never_cache(passkeys.list_webauthn), name="mfa_list_webauthn"),
    path(f"{_PASSKEYS}add/", never_cache(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path(f"{_PASSKEYS}login/", limited(never_cache(passkeys.login_webauthn)), name="mfa_login_webauthn"),
    path(f"{_PASSKEYS}confirm/", never_cache(passkeys.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    path(f"{_PASSKEYS}<int:pk>/", never_cache(RenamePasskey.as_view()), name="mfa_edit_webauthn"),
    path(f"{_PASSKEYS}<int:pk>/remove/", never_cache(RemovePasskey.as_view()), name="mfa_remove_webauthn"),
    path("account/sso/<str:provider_id>/login/", limited(single_sign_on.begin), name="openid_connect_login"),
    path("account/sso/<str:provider_id>/callback/", single_sign_on.finish, name="openid_connect_callback"),
    path("account/sso/cancelled/", single_sign_on.Cancelled.as_view(), name="socialaccount_login_cancelled"),
    path("access/locked/", LockedLogins.as_view(), name="locked-logins"),
]
