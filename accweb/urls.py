from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from accweb.account import AccountPage
from accweb.health import healthz, metrics
from accweb.token_page import RevokeToken, TokenPage

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("", include("accweb.identity.urls")),  # has the address of the admin's login
    path("admin/", RedirectView.as_view(pattern_name="cdr:start")),  # one home: what the admin calls its index
    path("admin/", admin.site.urls),
    path("account/", AccountPage.as_view(), name="account"),
    path("account/tokens/", TokenPage.as_view(), name="tokens"),
    path("account/tokens/<int:pk>/revoke/", RevokeToken.as_view(), name="token-revoke"),
    path("api/v1/", include("accweb.api.urls")),
    path("", include("cdr.urls")),
    path("", include("proxyconf.urls")),
]
handler403 = "accweb.web.shell.forbidden"
handler404 = "accweb.web.api.errors.not_found"
handler500 = "accweb.web.api.errors.failed"
