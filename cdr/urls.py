from django.urls import include, path

from cdr.views.call_list import CallList
from cdr.views.call_page import CallPage
from cdr.views.ladder import LadderFile
from cdr.views.start import StartPage

app_name = "cdr"
urlpatterns = [
    path("", StartPage.as_view(), name="start"),
    path("calls/", CallList.as_view(), name="call-list"),
    path("calls/<int:pk>/", CallPage.as_view(), name="call"),
    path("calls/<int:pk>/ladder.svg", LadderFile.as_view(), name="call-ladder"),
    path("api/v1/", include("cdr.api.urls")),
]
