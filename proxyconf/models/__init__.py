from proxyconf.models.fetch_token import FetchToken
from proxyconf.models.fields import ExtraField, LegField
from proxyconf.models.imported import ImportedConfiguration
from proxyconf.models.profile import Profile
from proxyconf.models.proxy import Proxy
from proxyconf.models.reach import ProxyLimit
from proxyconf.models.revision import Revision
from proxyconf.models.saved_flow import SavedFlow

__all__ = [
    "ExtraField",
    "FetchToken",
    "ImportedConfiguration",
    "LegField",
    "Profile",
    "Proxy",
    "ProxyLimit",
    "Revision",
    "SavedFlow",
]
