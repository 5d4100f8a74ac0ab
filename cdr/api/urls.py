from django.urls import path

from cdr.api.calls import CallDetail, CallEvents, CallList, CallRevisions
from cdr.api.events import post_events
from cdr.api.exports import ExportDetail, ExportFile, ExportList
from cdr.api.reports import ReportView
from cdr.api.sources import SourceDetail, SourceList
from cdr.api.statistics import Statistics, StatisticsSeries

urlpatterns = [
    path("events/", post_events, name="events"),
    path("calls/", CallList.as_view(), name="calls"),
    path("calls/<int:pk>/", CallDetail.as_view(), name="call"),
    path("calls/<int:pk>/events/", CallEvents.as_view(), name="call-events"),
    path("calls/<int:pk>/revisions/", CallRevisions.as_view(), name="call-revisions"),
    path("sources/", SourceList.as_view(), name="sources"),
    path("sources/<int:pk>/", SourceDetail.as_view(), name="source"),
    path("statistics/", Statistics.as_view(), name="statistics"),
    path("statistics/series/", StatisticsSeries.as_view(), name="statistics-series"),
    path("reports/", ReportView.as_view(), name="reports"),
    path("exports/", ExportList.as_view(), name="exports"),
    path("exports/<int:pk>/", ExportDetail.as_view(), name="export"),
    path("exports/<int:pk>/file/", ExportFile.as_view(), name="export-file"),
]
