from django.urls import path

from cdr.api.calls import CallDetail, CallList
from cdr.api.events import post_events

urlpatterns = [
    path("events/", post_events, name="api-events"),
    path("calls/", CallList.as_view(), name="api-call-list"),
    path("calls/<int:pk>/", CallDetail.as_view(), name="api-call"),
]
