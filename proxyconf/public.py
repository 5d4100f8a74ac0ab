"""What other apps use of this one, beyond its vocabulary and its models."""

from __future__ import annotations

from proxyconf.artefacts import find_artefact
from proxyconf.layout_form import BACKEND_NAMES
from proxyconf.profile import Profile
from proxyconf.render.acc_section import acc_section
from proxyconf.render.hints import routing_hints
from proxyconf.render.syslog_rule import syslog_rule

__all__ = ["BACKEND_NAMES", "Profile", "acc_section", "find_artefact", "routing_hints", "syslog_rule"]
