from django.urls import path

from cdr.views.call.call_details import CallInside
from cdr.views.call.call_page import CallPage
from cdr.views.call.ladder import LadderFile
from cdr.views.call.notes_and_settlements import AddNote, RevokeSettlement, Settle
from cdr.views.calls.call_list import CallListView, NewCalls
from cdr.views.calls.column_choice import ChooseColumns
from cdr.views.calls.histogram import Histogram
from cdr.views.calls.saved_views import ChangeView, SaveView
from cdr.views.calls.selection import CompareCalls, SetEnds
from cdr.views.exports.export_pages import CancelExport, DeleteExport, ExportDownload, ExportHistory, NewExport
from cdr.views.health.health_page import HealthPage, ProxyHealthPage, ReplayRejected, RereadEvents
from cdr.views.overview.overview_page import StartPage
from cdr.views.overview.rankings import BusiestParties
from cdr.views.overview.trends import Trends
from cdr.views.reports.report_download import ReportDownload
from cdr.views.reports.report_page import ReportPage
from cdr.views.reports.schedule_pages import NewSchedule, ScheduleDeed, ScheduleList, SchedulePage, SendRunAgain

app_name = "cdr"
urlpatterns = [
    path("", StartPage.as_view(), name="start"),
    path("trends/", Trends.as_view(), name="trends"),
    path("busiest/", BusiestParties.as_view(), name="busiest"),
    path("calls/", CallListView.as_view(), name="call-list"),
    path("calls/histogram/", Histogram.as_view(), name="histogram"),
    path("calls/new/", NewCalls.as_view(), name="new-calls"),
    path("calls/columns/", ChooseColumns.as_view(), name="choose-columns"),
    path("calls/views/", SaveView.as_view(), name="save-view"),
    path("calls/views/<int:pk>/", ChangeView.as_view(), name="change-view"),
    path("calls/compare/", CompareCalls.as_view(), name="compare-calls"),
    path("calls/set-ends/", SetEnds.as_view(), name="set-ends"),
    path("calls/<int:pk>/", CallPage.as_view(), name="call"),
    path("calls/<int:pk>/inside/", CallInside.as_view(), name="call-inside"),
    path("calls/<int:pk>/ladder.svg", LadderFile.as_view(), name="call-ladder"),
    path("calls/<int:pk>/notes/", AddNote.as_view(), name="call-notes"),
    path("calls/<int:pk>/settlement/", Settle.as_view(), name="call-settlement"),
    path("calls/<int:pk>/settlement/revoke/", RevokeSettlement.as_view(), name="call-settlement-revoke"),
    path("reports/", ReportPage.as_view(), name="report"),
    path("reports/file.<str:name>", ReportDownload.as_view(), name="report-file"),
    path("reports/schedules/", ScheduleList.as_view(), name="schedules"),
    path("reports/schedules/new/", NewSchedule.as_view(), name="schedule-new"),
    path("reports/schedules/<int:pk>/", SchedulePage.as_view(), name="schedule"),
    path("reports/schedules/<int:pk>/runs/<int:run>/again/", SendRunAgain.as_view(), name="run-again"),
    path("reports/schedules/<int:pk>/<str:deed>/", ScheduleDeed.as_view(), name="schedule-deed"),
    path("exports/", ExportHistory.as_view(), name="exports"),
    path("exports/new/", NewExport.as_view(), name="export-new"),
    path("exports/<int:pk>/file/", ExportDownload.as_view(), name="export-file"),
    path("exports/<int:pk>/cancel/", CancelExport.as_view(), name="export-cancel"),
    path("exports/<int:pk>/delete/", DeleteExport.as_view(), name="export-delete"),
    path("health/", HealthPage.as_view(), name="health"),
    path("health/<str:proxy>/", ProxyHealthPage.as_view(), name="health-proxy"),
    path("health/<str:proxy>/replay/", ReplayRejected.as_view(), name="health-replay"),
    path("health/<str:proxy>/reread/", RereadEvents.as_view(), name="health-reread"),
]
