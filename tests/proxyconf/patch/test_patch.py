"""What a patch changes, where it puts what is new, and what it says where it finds no place."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from proxyconf.parse import parse_config, parse_files
from proxyconf.parse.files import ConfigFile
from proxyconf.patch import ConfigPatch, make_patch
from proxyconf.profile import AccountingProfile, ExtraDefinition, Flags, MessageFlag
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.patch.configurations import CONFIGURATIONS

LOG, SQL = Backend.SYSLOG, Backend.SQL
KAMAILIO, OPENSIPS = CONFIGURATIONS["kamailio"], CONFIGURATIONS["opensips"]
UA = ExtraDefinition("ua", "$ua", {LOG: "ua"})


def patched(name: str, target: AccountingProfile) -> ConfigPatch:
    configuration = CONFIGURATIONS[name]
    return make_patch(configuration.files, target, configuration.defines)


def changed_lines(patch: ConfigPatch) -> list[str]:
    lines = patch.text.splitlines()
    return [line for line in lines if line[0] in "+-" and not line.startswith(("+++ ", "--- "))]


def script(text: str, target: AccountingProfile, product: Product = Product.KAMAILIO) -> ConfigPatch:
    return make_patch([ConfigFile("proxy.cfg", text)], replace(target, product=product))


def test_a_new_field_changes_one_line_and_is_written_into_the_string_that_is_there() -> None:
    patch = patched("kamailio", replace(KAMAILIO.profile, extras=(*KAMAILIO.profile.extras, UA)))
    assert changed_lines(patch) == [
        '-\t"dst_user=$rU;dst_domain=$rd")',
        '+\t"dst_user=$rU;dst_domain=$rd;ua=$ua")',
    ]
    assert patch.problems == ()


def test_fields_are_removed_and_moved_without_leaving_an_empty_part() -> None:
    caller, source, callee, domain = KAMAILIO.profile.extras
    patch = patched("kamailio", replace(KAMAILIO.profile, extras=(source, callee, caller)))
    text = patch.files[0].text
    assert '"src_ip=$si;"\n\t"dst_user=$rU;src_user=$fU")' in text
    assert domain.variable not in text.split("WITH_ACCDB")[2].split("request_route")[0].split("db_extra")[0]


def test_a_switch_changes_where_it_stands() -> None:
    patch = patched("kamailio", replace(KAMAILIO.profile, options={"report_cancels": 1}))
    assert changed_lines(patch) == [
        '-modparam("acc", "report_cancels", 0)',
        '+modparam("acc", "report_cancels", 1)',
    ]


def test_another_number_of_a_named_flag_changes_its_definition_alone() -> None:
    flags = replace(KAMAILIO.profile.flags, missed={LOG: MessageFlag(9, "FLT_ACCMISSED")})
    patch = patched("kamailio", replace(KAMAILIO.profile, flags=flags))
    assert changed_lines(patch) == [
        "-#!define FLT_ACCMISSED 2",
        "+#!define FLT_ACCMISSED 9",
    ]


def test_the_flags_of_a_new_backend_are_set_where_those_of_the_others_are() -> None:
    flags = replace(
        KAMAILIO.profile.flags,
        account={**KAMAILIO.profile.flags.account, SQL: MessageFlag(20)},
        missed={**KAMAILIO.profile.flags.missed, SQL: MessageFlag(21, "FLT_DBMISSED")},
    )
    target = replace(KAMAILIO.profile, backends=(LOG, SQL), flags=flags, options={"db_url": "mysql://u:p@h/d"})
    patch = patched("kamailio", target)
    assert changed_lines(patch) == [
        "+#!define FLT_DBMISSED 21",
        *("+#!ifndef MOD_db_mysql", '+loadmodule "db_mysql.so"', "+#!endif"),
        '+modparam("acc", "db_flag", 20)',
        '+modparam("acc", "db_missed_flag", FLT_DBMISSED)',
        '+modparam("acc", "db_url", "mysql://u:p@h/d")',
        "+\t\t\t\tsetflag(20);",
        "+\t\tsetflag(20);",
        '-\tif (is_method("INVITE")) setflag(FLT_ACCMISSED);',
        '+\tif (is_method("INVITE")) { setflag(FLT_ACCMISSED); setflag(FLT_DBMISSED); }',
    ]
    assert patch.problems == ()


def test_a_macro_stays_a_macro_while_its_value_is_the_profiles() -> None:
    configuration = CONFIGURATIONS["kamailio with a database"]
    target = replace(configuration.profile, options={**configuration.profile.options, "early_media": 1})
    assert "db_url" not in "".join(changed_lines(patched("kamailio with a database", target)))


def test_the_dialog_is_tracked_where_records_of_dialogs_are_new() -> None:
    field = ExtraDefinition("callid", "$dlg_var(call_id)", {LOG: "callid", SQL: "callid"})
    patch = patched("kamailio", replace(KAMAILIO.profile, options={"cdr_enable": 1}, cdr_extras=(field,)))
    added = [line.strip("+\t") for line in changed_lines(patch)]
    assert added[0] == 'loadmodule "dialog.so"'
    assert added[-2:] == ["dlg_manage();", "$dlg_var(call_id) = $ci;"]


def test_a_file_that_is_included_is_patched_under_its_own_name() -> None:
    name = "kamailio of several files"
    profile = CONFIGURATIONS[name].profile
    extras = tuple(replace(one, labels={**one.labels}) for one in profile.extras)
    patch = patched(name, replace(profile, extras=(*extras, ExtraDefinition("ua", "$ua", {SQL: "ua"}))))
    assert patch.text.startswith("--- a/conf.d/acc-db.cfg\n+++ b/conf.d/acc-db.cfg\n")
    assert patch.text.count("--- a/") == 1


def test_opensips_gets_the_field_declared_and_assigned() -> None:
    caller = ExtraDefinition("caller", "$fU", {LOG: "caller"})
    patch = patched("opensips", replace(OPENSIPS.profile, extras=(*OPENSIPS.profile.extras, caller)))
    assert [line for line in changed_lines(patch) if line[0] == "+"] == [
        '+modparam("acc", "extra_fields", "log: src_ip; dst_ip; ua -> agent;caller")',
        "+        $acc_extra(caller) = $fU;",
    ]


def test_a_value_of_the_reply_goes_into_the_route_that_the_script_arms() -> None:
    reason = ExtraDefinition("why", "$rr", {LOG: "why"})
    patch = patched("opensips", replace(OPENSIPS.profile, extras=(*OPENSIPS.profile.extras, reason)))
    assert "onreply_route[answered] {\n    $acc_extra(why) = $rr;\n" in patch.files[0].text


def test_opensips_asks_for_a_new_backend_in_the_calls_that_are_there() -> None:
    asked = replace(OPENSIPS.profile.do_accounting, failed=frozenset({LOG, SQL}))
    target = replace(OPENSIPS.profile, backends=(LOG, SQL), do_accounting=asked, options={"db_url": "mysql://u:p@h/d"})
    text = patched("opensips", target).files[0].text
    assert 'if (is_method("BYE")) do_accounting("log|db", "failed");' in text
    assert 'do_accounting("log", "missed|failed"); do_accounting("db", "failed");   # every call' in text


def test_what_has_no_place_is_said_with_the_place_where_it_belongs() -> None:
    text = 'modparam("acc", "log_flag", 1)\n'
    target = AccountingProfile(flags=Flags({LOG: MessageFlag(1)}, {LOG: MessageFlag(2)}))
    patch = script(text, target)
    assert changed_lines(patch) == ['+modparam("acc", "log_missed_flag", 2)']
    assert len(patch.problems) == 1
    assert patch.problems[0].startswith("setflag(2) could not be placed")


def test_a_text_without_any_module_gives_no_place_for_a_first_parameter() -> None:
    patch = script("# nothing here\n", AccountingProfile(flags=Flags({LOG: MessageFlag(1)})))
    assert patch.text == ""
    assert any('modparam("acc", "log_flag", 1) could not be placed' in one for one in patch.problems)


@pytest.mark.parametrize("ending", ["", "\n"])
def test_the_last_line_keeps_its_end(ending: str) -> None:
    text = f'loadmodule "acc.so"\nmodparam("acc", "log_flag", 1){ending}'
    patch = script(text, AccountingProfile(flags=Flags({LOG: MessageFlag(1)}), options={"early_media": 1}))
    assert patch.files[0].text == (
        f'loadmodule "acc.so"\nmodparam("acc", "log_flag", 1)\nmodparam("acc", "early_media", 1){ending}'
    )


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_program_patch_applies_it(name: str, tmp_path: Path) -> None:
    configuration = CONFIGURATIONS[name]
    profile = configuration.profile
    flags = replace(profile.flags, failed=MessageFlag(30))
    options = {**profile.options, "report_cancels": 1}
    extras = (*profile.extras, ExtraDefinition("x", "$hdr(X)", dict.fromkeys(profile.backends, "x")))
    patch = patched(name, replace(profile, options=options, extras=extras, flags=flags))
    for file in configuration.files:
        path = tmp_path / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.text.encode())
    command = ["patch", "-p1", "--binary", "--fuzz=0"]
    subprocess.run(command, cwd=tmp_path, input=patch.text.encode(), check=True, capture_output=True)
    assert {one.name: (tmp_path / one.name).read_bytes().decode() for one in patch.files} == {
        one.name: one.text for one in patch.files
    }


def test_what_comes_from_a_definition_is_left_alone_and_named() -> None:
    text = """#!define ACCOUNT setflag(1)
loadmodule "acc.so"
modparam("acc", "log_flag", 1)
request_route { ACCOUNT; t_relay(); }
"""
    target = replace(
        parse_config(text, product=Product.KAMAILIO, version=Version(5, 6)).profile,
        flags=Flags({LOG: MessageFlag(1)}, failed=MessageFlag(3)),
    )
    patch = script(text, target)
    assert any("it comes from a #!define; write after it: setflag(3);" in one for one in patch.problems)


LIST_OF_A_MACRO = """\
#!define FIELDS "src=$fU"
loadmodule "acc.so"
modparam("acc", "log_flag", 1)
modparam("acc", "log_extra", FIELDS)
modparam("acc", "db_flag", 1)
modparam("acc", "db_url", "mysql://host/acc")
modparam("acc", "db_extra", FIELDS)
request_route { setflag(1); }
"""


def _with_ua(text: str, *backends: Backend) -> tuple[str, tuple[str, ...]]:
    files = [ConfigFile("kamailio.cfg", text)]
    own = parse_files(files, product=Product.KAMAILIO, version=Version(5, 6)).profile
    field = ExtraDefinition("ua", "$ua", dict.fromkeys(backends, "ua"))
    patch = make_patch(files, replace(own, extras=(*own.extras, field)))
    return patch.files[0].text, patch.problems


def test_a_list_that_a_macro_gives_is_changed_in_the_macro() -> None:
    text, problems = _with_ua(LIST_OF_A_MACRO, Backend.SYSLOG, Backend.SQL)
    assert text == LIST_OF_A_MACRO.replace('"src=$fU"', '"src=$fU;ua=$ua"')
    assert problems == ()


def test_a_list_is_written_out_where_its_macro_serves_something_else() -> None:
    text, problems = _with_ua(LIST_OF_A_MACRO, Backend.SYSLOG)
    assert text == LIST_OF_A_MACRO.replace('"log_extra", FIELDS', '"log_extra", "src=$fU;ua=$ua"')
    assert problems == ()
    used_elsewhere = LIST_OF_A_MACRO + "route[A] { xlog(FIELDS); }\n"
    text, problems = _with_ua(used_elsewhere, Backend.SYSLOG, Backend.SQL)
    assert '#!define FIELDS "src=$fU"\n' in text
    assert problems == ()
