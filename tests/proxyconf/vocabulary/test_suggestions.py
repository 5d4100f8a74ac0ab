from __future__ import annotations

import pytest

from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.suggestions import suggested_label, suggested_name


@pytest.mark.parametrize(
    ("variable", "name"),
    [("$si", "src_ip"), ("$hdr(X-Account)", "x_account"), ("$avp(s:carrier)", "carrier"), ("$unknown", "")],
)
def test_a_variable_has_a_usual_name(variable: str, name: str) -> None:
    assert suggested_name(variable) == name


@pytest.mark.parametrize(
    ("backend", "label"), [(Backend.SQL, "src_ip"), (Backend.RADIUS, "Src-Ip"), (Backend.DIAMETER, "")]
)
def test_a_name_becomes_the_label_that_a_backend_takes(backend: Backend, label: str) -> None:
    assert suggested_label(backend, "src_ip") == label
