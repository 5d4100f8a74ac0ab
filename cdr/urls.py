from django.urls import include, path

from cdr.views.call_list import CallList
from cdr.views.call_page import CallPage
from cdr.views.start import StartPage

app_name = "cdr"
urlpatterns = [
    path("", StartPage.as_view(), name="start"),
    path("calls/", CallList.as_view(), name="call-list"),
    path("calls/<int:pk>/", CallPage.as_view(), name="call"),
    path("api/v1/", include("cdr.api.urls")),
]
