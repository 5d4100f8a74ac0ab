from proxyconf.models.proxy import Proxy

__all__ = ["Proxy"]
