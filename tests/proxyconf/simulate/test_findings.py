"""What a call loses is said, with the setting that causes it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxyconf.lint import Severity
from proxyconf.profile import AccountingProfile, DoAccounting, ExtraDefinition, LegDefinition
from proxyconf.simulate.findings import SimulationFinding, findings_of
from proxyconf.simulate.flow import FlowLeg
from proxyconf.simulate.flows import FLOWS
from proxyconf.simulate.script import Marks, Script
from proxyconf.simulate.simulation import simulate
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.parameters import RELEASES
from proxyconf.vocabulary.products import Product, Version

SYSLOG, SQL, RADIUS, DIAMETER, JSON = (*(Backend.SYSLOG, Backend.SQL, Backend.RADIUS, Backend.DIAMETER, Backend.JSON),)


def kamailio(*backends: Backend, **options: int | str) -> AccountingProfile:
    return replace(AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), backends), options=options)


def opensips(*backends: Backend, **options: int | str) -> AccountingProfile:
    return replace(AccountingProfile.suggested(Product.OPENSIPS, Version(3, 6), backends), options=options)


def of_dialogs(profile: AccountingProfile) -> AccountingProfile:
    every = frozenset(profile.backends)
    return replace(profile, do_accounting=DoAccounting(missed=every, failed=every, cdr=every))


def found(profile: AccountingProfile, flow: str, script: Script | None = None) -> list[SimulationFinding]:
    """Return the findings besides those about the parties and about what is not known."""
    findings = findings_of(simulate(profile, FLOWS[flow], script))
    return [one for one in findings if one.setting not in ("$fU", "$rU") and not one.text.startswith("Unknown")]


def one(profile: AccountingProfile, flow: str, script: Script | None = None) -> SimulationFinding:
    (finding,) = found(profile, flow, script)
    return finding


def generated(profile: AccountingProfile, **changes: object) -> Script:
    return replace(Script.generated(profile), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("flow", ["answered-caller-hangs-up", "busy", "busy-then-answered", "cancelled", "bye-481"])
def test_nothing_is_said_of_a_call_that_is_accounted_whole(flow: str) -> None:
    assert found(kamailio(SYSLOG, SQL, RADIUS), flow) == []


def test_a_bye_without_its_flag_is_named_once_for_all_outputs() -> None:
    profile = kamailio(SYSLOG, SQL)
    finding = one(profile, "answered-caller-hangs-up", generated(profile, bye=Marks()))
    assert finding == SimulationFinding(
        Severity.ERROR,
        "The end of the call is not in the log and SQL: the script does not set its flag on the BYE.",
        "log_flag, db_flag",
        (SYSLOG, SQL),
    )


def test_a_bye_that_goes_past_the_proxy_is_blamed_on_record_route() -> None:
    profile = kamailio(SYSLOG)
    assert one(profile, "answered-caller-hangs-up", generated(profile, record_route=False)).setting == "record_route()"


def test_a_failed_bye_needs_the_failed_flag() -> None:
    profile = kamailio(SYSLOG)
    finding = one(profile, "bye-481", generated(profile, bye=Marks(frozenset({SYSLOG}))))
    assert (finding.severity, finding.setting) == (Severity.ERROR, "failed_transaction_flag")


def test_a_lost_bye_is_no_fault_of_a_setting() -> None:
    assert (one(kamailio(SYSLOG), "bye-lost").severity, one(kamailio(SYSLOG), "bye-lost").setting) == ("warning", "")


def test_gateways_that_fail_need_the_missed_flag() -> None:
    profile = kamailio(SYSLOG)
    profile = replace(profile, flags=replace(profile.flags, missed={}))
    finding = one(profile, "gateway-failover")
    assert finding.text.startswith("The failed attempt 1 (503) is not in the log")
    assert finding.setting == "log_missed_flag"


def test_a_failed_call_needs_the_failed_or_the_missed_flag() -> None:
    profile = kamailio(SQL)
    profile = replace(profile, flags=replace(profile.flags, missed={}, failed=None))
    assert one(profile, "busy").setting == "failed_transaction_flag or db_missed_flag"


def test_a_second_answer_is_not_told_since_kamailio_5_4() -> None:
    assert one(kamailio(SYSLOG), "parallel-two-answers").setting == "tm reply_relay_mode"
    assert found(replace(kamailio(SYSLOG), version=Version(5, 2)), "parallel-two-answers") == []


def test_legs_and_json_end_kamailio() -> None:
    profile = replace(kamailio(SYSLOG, JSON), legs=(LegDefinition("src", "$avp(src)"),))
    simulation = simulate(profile, FLOWS["answered-caller-hangs-up"])
    assert findings_of(simulation)[0].text.startswith("The proxy crashes")
    assert [record.event.method for record in simulation.records] == ["INVITE"]


def test_diameter_loses_what_has_an_empty_value() -> None:
    extra = ExtraDefinition("who", "$rU", {DIAMETER: "9001"})
    finding = one(replace(kamailio(DIAMETER), extras=(extra,)), "answered-caller-hangs-up")
    assert "9001 is empty" in finding.text


def test_radius_drops_a_request_with_a_long_value() -> None:
    flow = FLOWS["answered-caller-hangs-up"]
    long = replace(flow, caller=replace(flow.caller, user_agent="x" * 254))
    profile = replace(kamailio(RADIUS), extras=(ExtraDefinition("ua", "$ua", {RADIUS: "UA"}),))
    texts = [finding.text for finding in findings_of(simulate(profile, long))]
    assert sum("longer than 253 bytes" in text for text in texts) == 2


def test_who_hung_up_is_hidden_by_detect_direction() -> None:
    profile = kamailio(SYSLOG, detect_direction=1)
    assert one(profile, "answered-callee-hangs-up").setting == "detect_direction"
    assert found(profile, "answered-caller-hangs-up") == []


def test_an_expired_dialog_leaves_nothing_in_opensips_without_its_own_bye() -> None:
    profile = of_dialogs(opensips(SYSLOG))
    assert found(profile, "dialog-expires") == []
    lost = found(profile, "dialog-expires", generated(profile, bye_on_timeout=False))
    assert {finding.setting for finding in lost} == {'create_dialog("B")'}


def test_within_a_recorded_dialog_opensips_accounts_nothing_more() -> None:
    profile = of_dialogs(opensips(SYSLOG, SQL))
    marked = Marks(frozenset(profile.backends))
    simulation = simulate(profile, FLOWS["re-invite"], generated(profile, bye=marked, reinvite=marked))
    assert [(record.backend, record.event.kind) for record in simulation.records] == [
        (SYSLOG, "call ended"),
        (SQL, "call ended"),
    ]


def test_a_reinvite_with_the_flag_looks_like_one_more_start() -> None:
    profile = kamailio(RADIUS)
    script = generated(profile, reinvite=Marks(frozenset({RADIUS})))
    assert one(profile, "re-invite", script).text.startswith("The re-INVITE is accounted")
    statuses = [
        dict(record.fields)["Acct-Status-Type"] for record in simulate(profile, FLOWS["re-invite"], script).records
    ]
    assert statuses == ["Start", "Alive", "Stop"]


def test_the_missed_flag_set_without_an_attempt_gives_the_failure_twice() -> None:
    profile = kamailio(SYSLOG)
    script = generated(profile, missed_again_without_attempt=True)
    assert one(profile, "busy", script).setting == "failure_route"


def test_early_media_lengthens_the_calls_of_opensips() -> None:
    assert one(of_dialogs(opensips(SQL, early_media=1)), "early-media").setting == "early_media"
    records = simulate(of_dialogs(opensips(SQL, early_media=1)), FLOWS["early-media"]).records
    assert [dict(record.fields)["duration"] for record in records] == [0, 65]


def test_values_that_slide_between_legs_are_named() -> None:
    flow = FLOWS["forwarded"]
    legs = (FlowLeg("a", "b", values={"src": "a", "via": "gw"}), FlowLeg("b", "c", values={"src": "b"}))
    mixed = replace(flow, requests=(replace(flow.requests[0], legs=legs), *flow.requests[1:]))
    profile = replace(kamailio(SQL), legs=(LegDefinition("src", "$avp(src)"), LegDefinition("via", "$avp(via)")))
    rows = simulate(profile, mixed).records[:2]
    assert [(dict(row.fields)["src"], dict(row.fields)["via"]) for row in rows] == [("b", "gw"), ("a", "")]
    assert "The values of via slide" in " ".join(finding.text for finding in findings_of(simulate(profile, mixed)))


def test_a_value_that_only_the_script_knows_is_unknown_until_the_flow_says_it() -> None:
    profile = replace(kamailio(SYSLOG), extras=(ExtraDefinition("id", "$avp(id)", {SYSLOG: "id"}),))
    flow = FLOWS["busy"]
    assert any(finding.setting == "$avp(id)" for finding in findings_of(simulate(profile, flow)))
    told = replace(flow, requests=(replace(flow.requests[0], variables={"$avp(id)": "77"}),))
    assert simulate(profile, told).records[0].text.endswith(";id=77")


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("release", [(product, text) for product in Product for text in RELEASES[product]], ids=str)
def test_every_release_can_be_tried_on_every_flow(release: tuple[Product, str], flow: str) -> None:
    product, text = release
    profile = AccountingProfile.suggested(product, Version.parse(text), Backend)
    simulation = simulate(profile, FLOWS[flow])
    assert {record.backend for record in simulation.records} <= set(profile.backends)
    findings_of(simulation)


def test_a_dialog_record_without_the_call_id_becomes_another_call() -> None:
    alone = kamailio(SYSLOG, cdr_enable=1, cdr_start_on_confirmed=1)
    texts = [one.text for one in found(alone, "answered-caller-hangs-up")]
    assert "The dialog record in the log does not contain the Call-ID: accweb makes another call from it." in texts
    field = ExtraDefinition("call_id", "$dlg_var(call_id)", {SYSLOG: "callid"})
    texts = [one.text for one in found(replace(alone, cdr_extras=(field,)), "answered-caller-hangs-up")]
    assert not [text for text in texts if "does not contain the Call-ID" in text]
