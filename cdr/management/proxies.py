"""Find the proxies that commands name."""

from __future__ import annotations

from django.core.management.base import CommandError

from proxyconf.models import Proxy


def named_proxy(name: str) -> Proxy:
    """Return the proxy of that name, or fail with the known proxies and the command to add one."""
    proxy = Proxy.objects.filter(name=name).first()
    if proxy is None:
        names = ", ".join(Proxy.objects.order_by("name").values_list("name", flat=True)[:20]) or "none"
        raise CommandError(f"unknown proxy {name!r} (known: {names}); add it: manage.py proxy add {name}", returncode=2)
    return proxy
