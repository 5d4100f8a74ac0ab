from django.urls import path

from proxyconf.views.editor import ProfileEdit, ProfilePreview
from proxyconf.views.files import DraftFile, Fetch
from proxyconf.views.fixing import ApplyFix
from proxyconf.views.importing import Import
from proxyconf.views.overview import NewToken, ProfileListPage, ProfilePage, ProfileStart
from proxyconf.views.patching import PatchApplied, PatchFile, PatchPage
from proxyconf.views.publishing import Compare, Publish, Restore, RevisionFile, RevisionListPage, RevisionPage
from proxyconf.views.trying import TryIt

app_name = "proxyconf"
_REVISION = "configuration/<str:proxy>/revisions/<int:number>/"
urlpatterns = [
    path("configuration/", ProfileListPage.as_view(), name="profiles"),
    path("configuration/<str:proxy>/", ProfilePage.as_view(), name="profile"),
    path("configuration/<str:proxy>/start/", ProfileStart.as_view(), name="start"),
    path("configuration/<str:proxy>/edit/", ProfileEdit.as_view(), name="edit"),
    path("configuration/<str:proxy>/preview/", ProfilePreview.as_view(), name="preview"),
    path("configuration/<str:proxy>/fix/", ApplyFix.as_view(), name="fix"),
    path("configuration/<str:proxy>/import/", Import.as_view(), name="import"),
    path("configuration/<str:proxy>/try/", TryIt.as_view(), name="try"),
    path("configuration/<str:proxy>/patch/", PatchPage.as_view(), name="patch"),
    path("configuration/<str:proxy>/patch/applied/", PatchApplied.as_view(), name="patch-applied"),
    path("configuration/<str:proxy>/patch/file/", PatchFile.as_view(), name="patch-file"),
    path("configuration/<str:proxy>/publish/", Publish.as_view(), name="publish"),
    path("configuration/<str:proxy>/token/", NewToken.as_view(), name="token"),
    path("configuration/<str:proxy>/files.zip", DraftFile.as_view(), name="zip"),
    path("configuration/<str:proxy>/files/<path:name>", DraftFile.as_view(), name="file"),
    path("configuration/<str:proxy>/revisions/", RevisionListPage.as_view(), name="revisions"),
    path("configuration/<str:proxy>/revisions/compare/", Compare.as_view(), name="compare"),
    path(_REVISION, RevisionPage.as_view(), name="revision"),
    path(f"{_REVISION}restore/", Restore.as_view(), name="restore"),
    path(f"{_REVISION}files.zip", RevisionFile.as_view(), name="revision-zip"),
    path(f"{_REVISION}files/<path:name>", RevisionFile.as_view(), name="revision-file"),
    path("fetch/<str:proxy>.zip", Fetch.as_view(), name="fetch-zip"),
    path("fetch/<str:proxy>/<path:name>", Fetch.as_view(), name="fetch"),
]
