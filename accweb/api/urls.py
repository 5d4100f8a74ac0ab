from django.urls import include, path

from accweb.api.views import Documentation, Me, Root, Schema, ServedVersion

app_name = "api"
urlpatterns = [
    path("", Root.as_view(), name="root"),
    path("me/", Me.as_view(), name="me"),
    path("version/", ServedVersion.as_view(), name="version"),
    path("schema/", Schema.as_view(), name="schema"),
    path("docs/", Documentation.as_view(), name="docs"),
    path("", include("cdr.api.urls")),
    path("", include("proxyconf.api.urls")),
]
