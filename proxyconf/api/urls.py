from django.urls import path

from proxyconf.api.profiles import ArtefactList, ArtefactText, ProfileDetail, ProfileList, RevisionList
from proxyconf.api.proxies import ProxyDetail, ProxyList
from proxyconf.api.simulation import FlowList, SimulationView

_PROFILE = "profiles/<str:name>/"
urlpatterns = [
    path("proxies/", ProxyList.as_view(), name="proxies"),
    path("proxies/<str:name>/", ProxyDetail.as_view(), name="proxy"),
    path("profiles/", ProfileList.as_view(), name="profiles"),
    path(_PROFILE, ProfileDetail.as_view(), name="profile"),
    path(f"{_PROFILE}revisions/", RevisionList.as_view(), name="profile-revisions"),
    path(f"{_PROFILE}flows/", FlowList.as_view(), name="profile-flows"),
    path(f"{_PROFILE}simulation/", SimulationView.as_view(), name="profile-simulation"),
    path(f"{_PROFILE}artefacts/", ArtefactList.as_view(), name="profile-artefacts"),
    path(f"{_PROFILE}artefacts/<path:file>", ArtefactText.as_view(), name="profile-artefact"),
]
