from django.urls import path

from cdr.api.calls import CallDetail, CallEvents, CallList, CallRevisions
from cdr.api.events import post_events
from cdr.api.sources import SourceDetail, SourceList

urlpatterns = [
    path("events/", post_events, name="events"),
    path("calls/", CallList.as_view(), name="calls"),
    path("calls/<int:pk>/", CallDetail.as_view(), name="call"),
    path("calls/<int:pk>/events/", CallEvents.as_view(), name="call-events"),
    path("calls/<int:pk>/revisions/", CallRevisions.as_view(), name="call-revisions"),
    path("sources/", SourceList.as_view(), name="sources"),
    path("sources/<int:pk>/", SourceDetail.as_view(), name="source"),
]
