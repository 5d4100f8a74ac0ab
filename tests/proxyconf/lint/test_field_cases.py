"""Configurations of administrators that the check once refused."""

from __future__ import annotations

import pytest

from proxyconf.lint import Severity, check
from proxyconf.parse import parse_config
from proxyconf.vocabulary.products import Product, Version

CONCATENATED = """
loadmodule "acc.so"
modparam("acc", "extra_fields", "log: account")
route {
    if (is_method("INVITE")) {
        $acc_extra(account) = $fU + "@" + $fd;
        do_accounting("log", "failed");
    }
}
"""
ASSIGNED_ELSEWHERE = """
loadmodule "acc.so"
modparam("acc", "extra_fields", "log: fU -> src_user; attr -> attr")
include_file "verify.cfg"
route {
    if (is_method("INVITE")) {
        $acc_extra(fU) = $fU;
        do_accounting("log", "failed");
    }
}
"""


@pytest.mark.parametrize("text", [CONCATENATED, ASSIGNED_ELSEWHERE])
def test_a_configuration_that_opensips_starts_with_has_no_error(text: str) -> None:
    profile = parse_config(text, product=Product.OPENSIPS, version=Version(3, 4)).profile
    assert [one for one in check(profile) if one.severity is Severity.ERROR] == []
