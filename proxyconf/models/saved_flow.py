"""Call flows saved by users, in addition to the built-in ones."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from proxyconf.models.proxy import Proxy
from proxyconf.simulate.flow import Flow
from proxyconf.simulate.flows import FLOWS
from proxyconf.simulate.script import Script


class SavedFlow(models.Model):
    """An edited flow, saved with a proxy. ``flow`` has the form of ``Flow.to_json``; ``script``, where the script's
    part was edited too, that of ``Script.to_json``.
    """

    proxy = models.ForeignKey(Proxy, on_delete=models.CASCADE, related_name="flows")
    name = models.CharField(max_length=64, validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*$")])
    flow = models.JSONField()
    script = models.JSONField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["name"]
        default_permissions = ()  # viewed and changed with the profile
        constraints = [models.UniqueConstraint(fields=["proxy", "name"], name="saved_flow_name_unique")]

    def __str__(self) -> str:
        return f"{self.proxy} {self.name}"


def flows_of(proxy: Proxy) -> dict[str, Flow]:
    """Return the built-in flows and those saved with the proxy, by name."""
    saved = {flow.name: Flow.from_json(flow.flow) for flow in proxy.flows.all()}
    return {**FLOWS, **saved}


def saved_script(proxy: Proxy, flow: str) -> Script | None:
    """Return the script's part that was saved with a flow of the proxy; None if there is none."""
    text = proxy.flows.filter(name=flow).values_list("script", flat=True).first()
    return None if text is None else Script.from_json(text)
