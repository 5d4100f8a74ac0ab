from django.urls import path

from cdr.api.calls import CallDetail, CallList

urlpatterns = [
    path("calls/", CallList.as_view(), name="api-call-list"),
    path("calls/<int:pk>/", CallDetail.as_view(), name="api-call"),
]
