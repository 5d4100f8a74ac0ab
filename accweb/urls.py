from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from accweb.health import healthz, metrics

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("admin/", RedirectView.as_view(pattern_name="cdr:start")),  # one home: what the admin calls its index
    path("admin/", admin.site.urls),
    path("", include("cdr.urls")),
    path("", include("proxyconf.urls")),
]
handler403 = "accweb.shell.forbidden"
handler404 = "accweb.shell.not_found"
