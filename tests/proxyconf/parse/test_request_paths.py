"""What routes ask for on each kind of request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.parse import actions_of_script
from proxyconf.parse.files import ConfigFile
from proxyconf.script_facts import AccountingCall, RequestActions, ScriptActions
from proxyconf.vocabulary.products import Product
from tests.proxyconf.patch.configurations import CONFIGURATIONS

WITHIN_DIALOG = """
route[WITHINDLG] {
    if (!has_totag()) return;
    if (loose_route()) {
        if (is_method("BYE")) { setflag(1); setflag(3); }
        route(RELAY);
        exit;
    }
    sl_send_reply("404", "Not here");
    exit;
}
route[RELAY] {
    if (!t_relay()) { sl_reply_error(); }
    exit;
}
"""


def actions(text: str, product: Product = Product.KAMAILIO) -> ScriptActions:
    found = actions_of_script([ConfigFile("proxy.cfg", text)], product)
    assert found is not None
    return found


def flags(found: RequestActions) -> set[str]:
    return set(found.flags)


def test_requests_within_a_dialog_do_not_reach_what_follows_their_route() -> None:
    text = "request_route { route(WITHINDLG); record_route(); setflag(1); setflag(2); route(RELAY); }"
    found = actions(text + WITHIN_DIALOG)
    assert flags(found.invite) == {"1", "2"}
    assert found.invite.is_recorded
    assert found.invite.is_relayed
    assert flags(found.bye) == {"1", "3"}
    assert flags(found.reinvite) == set()
    assert flags(found.ack) == set()


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ('is_method("INVITE")', {"invite", "reinvite"}),
        ('is_method("INVITE|BYE") && !has_totag()', {"invite"}),
        ('method == "BYE"', {"bye"}),
        ('$rm == "BYE" || $rm == "CANCEL"', {"bye", "cancel"}),
        ('$rm =~ "^(BYE|ACK)$"', {"bye", "ack"}),
        ('not is_method("INVITE|BYE|ACK") and true', {"cancel"}),
        ('!(method != "BYE")', {"bye"}),
        ("has_totag() && allow_trusted()", {"reinvite", "bye", "ack"}),
        ("t_is_canceled()", set()),
    ],
)
def test_a_condition_on_the_request_decides_who_gets_the_flag(condition: str, kinds: set[str]) -> None:
    found = actions(f"request_route {{ if ({condition}) setflag(4); t_relay(); }}")
    names = ("invite", "reinvite", "bye", "ack", "cancel")
    assert {name for name in names if flags(getattr(found, name))} == kinds


def test_a_branch_that_ends_the_script_is_not_the_way_of_a_call() -> None:
    found = actions('request_route { if (!mf_process_maxfwd_header("10")) { drop; } setflag(1); t_relay(); }')
    assert flags(found.invite) == {"1"}
    assert found.invite.is_relayed


def test_the_branch_that_relays_is_the_way_where_the_rest_refuses() -> None:
    text = 'request_route { if (lookup("location")) { setflag(1); t_relay(); exit; } send_reply("404", "x"); exit; }'
    assert flags(actions(text).invite) == {"1"}


def test_both_branches_of_a_condition_that_cannot_be_decided_may_be_taken() -> None:
    text = "request_route { if ($si == $avp(x)) { setflag(1); } else { setflag(2); } t_relay(); }"
    assert flags(actions(text).invite) == {"1", "2"}


def test_a_flag_that_is_reset_or_set_after_relaying_is_not_set() -> None:
    assert flags(actions("request_route { setflag(1); resetflag(1); t_relay(); setflag(2); }").invite) == set()


def test_a_named_flag_has_its_number_and_its_name() -> None:
    found = actions("#!define FLT_ACC 7\nrequest_route { setflag(FLT_ACC); if (isflagset(7)) setflag(8); t_relay(); }")
    assert flags(found.invite) == {"7", "FLT_ACC", "8"}


def test_the_failure_route_that_the_invite_arms_is_the_one_of_the_next_attempt() -> None:
    text = """
    request_route { t_on_failure("NEXT"); t_relay(); }
    failure_route[OTHER] { setflag(5); t_relay(); }
    failure_route[NEXT] { if (t_is_canceled()) exit; if (t_check_status("486")) { setflag(2); t_relay(); } }
    """
    found = actions(text)
    assert flags(found.next_attempt) == {"2"}
    assert found.next_attempt.is_relayed


def test_calls_of_do_accounting_are_kept_with_their_words() -> None:
    text = """
    route {
        if (has_totag()) { if (is_method("BYE")) do_accounting("log", "failed"); t_relay(); exit; }
        create_dialog("B");
        do_accounting("log|db", "CDR | missed");
        t_relay();
    }
    """
    found = actions(text, Product.OPENSIPS)
    assert found.invite.accounting == (AccountingCall(frozenset({"log", "db"}), frozenset({"cdr", "missed"})),)
    assert found.invite.ends_dialog
    assert found.bye.accounting == (AccountingCall(frozenset({"log"}), frozenset({"failed"})),)


@pytest.mark.parametrize(
    "text",
    ['modparam("acc", "log_flag", 1)', 'loadmodule "app_lua.so"\nrequest_route { setflag(1); }', ""],
)
def test_where_there_are_no_routes_to_follow_nothing_is_said(text: str) -> None:
    assert actions_of_script([ConfigFile("proxy.cfg", text)], Product.KAMAILIO) is None


def test_routes_that_call_each_other_end() -> None:
    text = "request_route { route(A); t_relay(); } route[A] { setflag(1); route(B); } route[B] { route(A); route(A); }"
    assert flags(actions(text).invite) == {"1"}


def test_the_same_routes_in_several_files_say_the_same() -> None:
    one, several = CONFIGURATIONS["kamailio"], CONFIGURATIONS["kamailio of several files"]
    assert actions_of_script(several.files, several.product) == actions_of_script(one.files, one.product)


PIECES = [
    "{",
    "}",
    "(",
    ")",
    ";",
    "if",
    "else",
    "while",
    "route",
    "[X]",
    "exit",
    "return",
    "!",
    "&&",
    "setflag(1)",
    "'",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.sampled_from(Product))
def test_any_text_can_be_followed(pieces: list[str], product: Product) -> None:
    text = "route { " + " ".join(pieces) + " }"
    actions_of_script([ConfigFile("proxy.cfg", text)], product)


def test_deep_nesting_does_not_end_the_reading() -> None:
    for text in ("{" * 5000, "if (" * 5000, "if (" + "!" * 5000 + "(" * 5000, "while (1) " * 5000):
        actions_of_script([ConfigFile("proxy.cfg", f"route {{ {text}")], Product.KAMAILIO)
