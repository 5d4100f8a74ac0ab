"""The values of pseudo-variables for a request of a flow; what the flow does not define is unknown, not guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxyconf.profile import AccountingProfile
from proxyconf.simulate.flow import CALLEE, Flow, FlowParty, SipRequest
from proxyconf.simulate.values import NULL, HeldValue, RequestView, Uri, dialog_value, value_of
from proxyconf.vocabulary.products import Product, Version

KAMAILIO = AccountingProfile(Product.KAMAILIO, Version(5, 6))
OPENSIPS = AccountingProfile(Product.OPENSIPS, Version(3, 4))
INVITE = SipRequest("INVITE", headers={"X-Note": ("one", "two")}, variables={"$avp(account)": "42"})
BYE = SipRequest("BYE", 66.0, CALLEE, to_tag="a1")
FLOW = Flow(
    "flow",
    "",
    (INVITE, BYE),
    caller=FlowParty("alice", "a1", "192.0.2.10", 5062, "Phone 1.0", "alice-contact"),
    callee=FlowParty("bob", "b1", "192.0.2.20", 5060, "Phone 2.0", "bob-contact"),
)


def value(
    variable: str, request: SipRequest = INVITE, profile: AccountingProfile = KAMAILIO, branch_uri: str = ""
) -> HeldValue:
    return value_of(profile, RequestView(FLOW, request, branch_uri), variable)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("$fU", "alice"),
        ("$fu", "sip:alice@example.com"),
        ("$fd", "example.com"),
        ("$tU", "bob"),
        ("$rU", "bob"),
        ("$ou", "sip:bob@example.com"),
        ("$ci", "call-1@192.0.2.10"),
        ("$ft", "a1"),
        ("$si", "192.0.2.10"),
        ("$ua", "Phone 1.0"),
        ("$Ri", "192.0.2.1"),
        ("$rm", "INVITE"),
        ("$(ru{uri.user})", "bob"),
        ("$(ru{uri.host})", "example.com"),
        ("$(fU{s.toupper})", "ALICE"),
    ],
)
def test_a_variable_of_an_invite_has_the_value_that_the_flow_defines(variable: str, text: str) -> None:
    assert value(variable).text == text


def test_an_initial_invite_has_no_to_tag() -> None:
    assert value("$tt") == NULL
    assert value("$tt", BYE).text == "a1"


def test_from_and_to_are_those_of_the_sender() -> None:
    assert (value("$fU", BYE).text, value("$tU", BYE).text, value("$si", BYE).text) == ("bob", "alice", "192.0.2.20")


def test_a_request_within_the_dialog_goes_to_the_contact_of_the_other_side() -> None:
    assert value("$ru", BYE).text == "sip:alice-contact@192.0.2.10:5062"
    assert value("$rd", BYE).text == "192.0.2.10"


def test_the_request_uri_is_that_of_the_branch_and_the_original_one_stays() -> None:
    assert value("$rU", branch_uri="sip:carol@192.0.2.30").text == "carol"
    assert value("$oU", branch_uri="sip:carol@192.0.2.30").text == "bob"


@pytest.mark.parametrize(("variable", "number"), [("$sp", 5062), ("$rm", 1), ("$(fU{s.len})", 5), ("$hdrc(X-Note)", 2)])
def test_a_variable_with_an_integer_form_has_the_number(variable: str, number: int) -> None:
    assert value(variable).number == number


def test_a_method_has_the_number_of_its_product() -> None:
    notify = SipRequest("NOTIFY")
    assert value("$rm", notify, KAMAILIO).number == 128
    assert value("$rm", notify, OPENSIPS).number == 1024


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("$hdr(X-Note)", "one"),
        ("$hdr(x-note)", "one"),
        ("$(hdr(X-Note)[1])", "two"),
        ("$(hdr(X-Note)[-1])", "two"),
        ("$(hdr(X-Note)[*])", "one,two"),
        ("$hdr(Call-ID)", "call-1@192.0.2.10"),
        ("$hdr(User-Agent)", "Phone 1.0"),
    ],
)
def test_headers_are_read_by_name_and_index(variable: str, text: str) -> None:
    assert value(variable).text == text


@pytest.mark.parametrize("variable", ["$hdr(X-Other)", "$(hdr(X-Note)[7])", "$(hdr(X-Other)[*])", "$au"])
def test_a_header_or_value_that_the_request_lacks_is_null(variable: str) -> None:
    assert value(variable) == NULL


def test_opensips_joins_all_values_of_a_header_with_a_space() -> None:
    assert value("$(hdr(X-Note)[*])", profile=OPENSIPS).text == "one, two"


def test_a_variable_that_the_flow_sets_has_that_value_also_with_a_transformation() -> None:
    assert value("$avp(account)").text == "42"
    assert value("$(avp(account){s.int})").number == 42


@pytest.mark.parametrize(
    "variable", ["$avp(other)", "$var(x)", "$T_branch_idx", "$(ru{s.sha256})", "nonsense", "$hdr(X)[x]"]
)
def test_a_value_that_the_flow_does_not_define_is_unknown(variable: str) -> None:
    assert not value(variable).is_known


def test_an_avp_of_the_invite_does_not_exist_for_the_bye() -> None:
    assert value("$avp(other)", BYE) == NULL


@pytest.mark.parametrize(("name", "text"), [("caller", "alice"), ("callee", "bob"), ("src_ip", "192.0.2.10")])
def test_a_dialog_variable_has_the_value_that_its_name_suggests(name: str, text: str) -> None:
    assert dialog_value(KAMAILIO, FLOW, name).text == text


def test_a_dialog_variable_of_the_flow_has_that_value() -> None:
    flow = replace(FLOW, dialog_variables={"caller": "anonymous"})
    assert dialog_value(KAMAILIO, flow, "caller").text == "anonymous"


def test_a_dialog_variable_with_any_other_name_is_unknown() -> None:
    assert not dialog_value(KAMAILIO, FLOW, "price").is_known


@pytest.mark.parametrize(
    ("text", "uri"),
    [("sip:bob@example.com", Uri("bob", "example.com")), ("sip:example.com", Uri("", "example.com"))],
)
def test_a_uri_is_read_and_written(text: str, uri: Uri) -> None:
    assert Uri.parse(text) == uri
    assert uri.text == text
