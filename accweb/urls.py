from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("cdr.urls")),
]
handler403 = "accweb.shell.forbidden"
handler404 = "accweb.shell.not_found"
