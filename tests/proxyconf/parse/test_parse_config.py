from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.parse import Imported, layout_from_text, parse_config
from proxyconf.profile import AccountingProfile, ExtraDefinition, Flags, LegDefinition, MessageFlag, OtherParameter
from proxyconf.vocabulary.layout import Backend, Role
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.parse.configurations import JSON, LOG, OS, RADIUS, SQL, K, opensips


def kamailio(text: str, *defines: str) -> Imported:
    return parse_config(text, product=K, version=Version(5, 6), defines=defines)


def whys(imported: Imported) -> list[str]:
    return [one.why for one in imported.remarks]


def labels(imported: Imported, backend: Backend) -> list[tuple[str, str]]:
    return [(label, one.variable) for label, one in imported.profile.extra_labels(backend)]


# --- values


@pytest.mark.parametrize(
    "text",
    [
        'modparam("acc", "early_media", 1)',
        "modparam('acc', 'early_media', 1)",
        'modparam ( "acc" , "early_media" , 0x1 );',
        'modparam("acc|acc_radius", "early_media", 1)',
        'modparam("^acc$", "early_media", 1)',
        'modparam("acc.*", "early_media", 1)',
        'modparam("acc", "early_media", yes)',
        '#!define ON 1\nmodparam("acc", "early_media", ON)',
        'modparam("acc", "early_media", 0)\nmodparam("acc", "early_media", 1)',
    ],
)
def test_an_option_is_read_however_it_is_written(text: str) -> None:
    assert kamailio(text).profile.options == {"early_media": 1}


def test_an_option_at_its_default_is_no_option() -> None:
    assert kamailio('modparam("acc", "early_media", 0)\nmodparam("acc", "log_level", 1)').profile.options == {}


def test_a_string_may_be_in_pieces() -> None:
    text = 'modparam("acc", "log_extra",\n  "src_user=$fU;" # caller\n  "ip=$si")\nmodparam("acc", "log_flag", 1)'
    assert labels(kamailio(text), LOG) == [("src_user", "$fU"), ("ip", "$si")]


def test_blanks_around_names_and_variables_are_no_part_of_them() -> None:
    assert labels(kamailio('modparam("acc", "log_extra", " a = $fU ; b=$(hdr(X){s.select,0,;}) ")'), LOG) == [
        ("a", "$fU"),
        ("b", "$(hdr(X){s.select,0,;})"),
    ]


def test_the_last_of_two_counts_and_the_first_is_remarked_on() -> None:
    imported = kamailio('modparam("acc", "log_extra", "a=$fU")\nmodparam("acc", "log_extra", "b=$rU")')
    assert labels(imported, LOG) == [("b", "$rU")]
    assert [(one.line, one.why) for one in imported.remarks] == [(1, "replaced by line 2: the last one counts")]


def test_a_number_in_quotes_is_read_as_the_number() -> None:
    imported = kamailio('modparam("acc", "time_mode", "2")')
    assert imported.profile.options == {"time_mode": 2}
    assert whys(imported) == ["a number in quotes, with which the proxy does not start: read as a number"]


# --- flags


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ('modparam("acc", "log_flag", 1)', MessageFlag(1)),
        ('#!define FLT_ACC 1\nmodparam("acc", "log_flag", FLT_ACC)', MessageFlag(1, "FLT_ACC")),
        ('#!substdef "!FLT_ACC!1!g"\nmodparam("acc", "log_flag", FLT_ACC)', MessageFlag(1, "FLT_ACC")),
        ('flags FLT_ACC:1, OTHER:2;\nmodparam("acc", "log_flag", "FLT_ACC")', MessageFlag(1, "FLT_ACC")),
        ('flags\n  OTHER:2,\n  FLT_ACC:1;\nmodparam("acc", "log_flag", FLT_ACC)', MessageFlag(1, "FLT_ACC")),
    ],
)
def test_a_flag_is_read_by_number_or_by_name(text: str, flag: MessageFlag) -> None:
    assert kamailio(text).profile.flags == Flags({LOG: flag})


def test_a_flag_of_opensips_1_9_is_a_name() -> None:
    text = 'modparam("acc", "log_flag", "ACC_LOG")\nmodparam("acc", "cdr_flag", "CDR")'
    assert opensips(text, (1, 11)).profile.flags == Flags(
        {LOG: MessageFlag(None, "ACC_LOG")}, cdr=MessageFlag(None, "CDR")
    )


def test_a_flag_of_minus_1_is_not_set() -> None:
    assert kamailio('modparam("acc", "log_flag", -1)').profile.flags == Flags()


def test_a_flag_by_a_name_that_nothing_defines_is_remarked_on() -> None:
    imported = kamailio('modparam("acc", "log_flag", FLT_ACC)')
    assert imported.profile.flags == Flags()
    assert whys(imported) == ["FLT_ACC is not a valid flag, and this text does not define it"]


def test_flags_that_the_script_uses_for_other_things_are_told() -> None:
    text = '#!define FLT_NATS 5\nmodparam("acc", "log_flag", 1)\nroute { setflag(1); setflag(FLT_NATS); isflagset(9); }'
    assert kamailio(text).flags_elsewhere == (5, 9)


# --- backends


def test_a_backend_is_in_use_if_a_flag_or_fields_or_its_module_are_there() -> None:
    text = 'loadmodule "acc_radius.so"\nmodparam("acc", "db_extra", "a=$fU")\nmodparam("acc_json", "acc_flag", 3)'
    assert kamailio(text).profile.backends == (SQL, RADIUS, JSON)


def test_modules_are_found_by_any_path() -> None:
    assert kamailio('loadmodule "/usr/lib/kamailio/modules/acc_radius.so"').profile.backends == (RADIUS,)
    assert kamailio('loadmodule("acc_radius")').profile.backends == (RADIUS,)


def test_an_option_of_a_backend_that_is_not_in_use_is_kept_as_it_is() -> None:
    imported = parse_config(
        'modparam("acc", "log_flag", 1)\nmodparam("acc", "radius_config", "/etc/r")', product=K, version=Version(3, 0)
    )
    assert imported.profile.other_parameters == (OtherParameter("acc", "radius_config", "/etc/r"),)
    assert whys(imported) == ["its output is not in use; kept as it is"]


# --- fields


def test_fields_of_several_backends_with_one_variable_are_one_field() -> None:
    text = """
        modparam("acc", "log_extra", "ua=$ua;ip=$si")
        modparam("acc", "db_extra", "agent=$ua;caller=$fU;ip=$si")
    """
    assert kamailio(text).profile.extras == (
        ExtraDefinition("ua", "$ua", {LOG: "ua", SQL: "agent"}, Role.USER_AGENT),
        ExtraDefinition("caller", "$fU", {SQL: "caller"}, Role.CALLER),
        ExtraDefinition("ip", "$si", {LOG: "ip", SQL: "ip"}, Role.SOURCE_IP),
    )


def test_each_backend_keeps_its_order() -> None:
    text = 'modparam("acc", "log_extra", "a=$fU;b=$rU")\nmodparam("acc", "db_extra", "b=$rU;a=$fU")'
    imported = kamailio(text)
    assert [label for label, _variable in labels(imported, LOG)] == ["a", "b"]
    assert [label for label, _variable in labels(imported, SQL)] == ["b", "a"]


def test_legs_have_roles_from_their_names() -> None:
    imported = kamailio('modparam("acc", "multi_leg_info", "src=$avp(s);leg_dst=$avp(d);x=$avp(x)")')
    assert imported.profile.legs == (
        LegDefinition("src", "$avp(s)", {}, Role.LEG_SOURCE),
        LegDefinition("leg_dst", "$avp(d)", {}, Role.LEG_DESTINATION),
        LegDefinition("x", "$avp(x)"),
    )


def test_fields_of_dialog_records_serve_the_log_and_sql() -> None:
    imported = kamailio('modparam("acc", "cdr_extra", "cid=$ci")\nmodparam("acc_json", "cdr_extra", "c=$ci")')
    assert imported.profile.cdr_extras == (
        ExtraDefinition("cid", "$ci", {LOG: "cid", SQL: "cid", JSON: "c"}, Role.CALL_ID),
    )


@pytest.mark.parametrize(
    ("value", "text", "why"),
    [
        ("a=$fU;", ";", "log_extra: an empty part, with which the proxy does not start"),
        ("a=$fU;;b=$rU", ";", "log_extra: an empty part, with which the proxy does not start"),
        ("a=$fU;just text", "just text", "log_extra: not of the form name=$variable: left out"),
        ("=$fU", "=$fU", "log_extra: not of the form name=$variable: left out"),
    ],
)
def test_what_is_no_field_is_remarked_on(value: str, text: str, why: str) -> None:
    imported = kamailio(f'modparam("acc", "log_extra", "{value}")')
    assert [(one.text, one.why) for one in imported.remarks] == [(text, why)]


def test_a_value_that_is_no_variable_is_kept_for_the_checks_to_find() -> None:
    assert labels(kamailio('modparam("acc", "log_extra", "a=text and $fU")'), LOG) == [("a", "text and $fU")]


# --- what the release does not have


def test_a_parameter_of_another_release_is_kept_and_says_since_when_it_is() -> None:
    imported = parse_config('modparam("acc", "cdr_enable", 1)', product=K, version=Version(3, 0))
    assert imported.profile.other_parameters == (OtherParameter("acc", "cdr_enable", 1),)
    assert whys(imported) == ["Kamailio 3.0 has no cdr_enable: it came with 3.2.; kept as it is"]


def test_an_unknown_parameter_is_kept() -> None:
    imported = kamailio('modparam("acc", "from_the_future", "x")')
    assert imported.profile.other_parameters == (OtherParameter("acc", "from_the_future", "x"),)
    assert len(imported.remarks) == 1


def test_a_value_of_the_wrong_type_is_kept_and_remarked_on() -> None:
    imported = kamailio('modparam("acc", "time_mode", "often")')
    assert imported.profile.other_parameters == (OtherParameter("acc", "time_mode", "often"),)
    assert whys(imported) == ["not a valid value of time_mode; allowed: 0..4"]


def test_a_parameter_of_radius_set_on_acc_is_taken_as_that_of_acc_radius() -> None:
    imported = parse_config('modparam("acc", "radius_flag", 5)', product=K, version=Version(4, 0))
    assert imported.profile.flags == Flags({RADIUS: MessageFlag(5)})
    assert whys(imported) == ["radius_flag is a parameter of acc_radius in this version: read as such"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('modparam("acc", "log_flag")', "not of the form"),
        ("modparam(acc, log_flag, 1)", "must be strings"),
        ('modparam("my_acc.+", "log_flag", 1)', "matches no accounting module"),
        ('include_file "acc-local.cfg"', "this file is missing"),
    ],
)
def test_a_statement_that_is_not_understood_is_listed(text: str, why: str) -> None:
    assert [one for one in whys(kamailio(text)) if why in one] != []


def test_parameters_of_other_modules_are_nobodys_business() -> None:
    imported = kamailio('modparam("usrloc", "db_mode", 2)\nmodparam("rr", "append_fromtag", 0)')
    assert (imported.remarks, imported.profile.other_parameters) == ((), ())


# --- companions


def test_append_fromtag_goes_without_saying_where_the_direction_is_detected() -> None:
    text = 'modparam("acc", "detect_direction", 1)\nmodparam("rr", "append_fromtag", {})'
    assert kamailio(text.format(1)).profile.other_parameters == ()
    assert kamailio(text.format(0)).profile.other_parameters == (OtherParameter("rr", "append_fromtag", 0),)


def test_parameters_of_dialogs_are_kept_where_dialogs_are_accounted() -> None:
    timeout = 'modparam("dialog", "default_timeout", 7200)\n'
    kept = (OtherParameter("dialog", "default_timeout", 7200),)
    assert kamailio(timeout + 'modparam("acc", "cdr_enable", 1)').profile.other_parameters == kept
    assert kamailio(timeout).profile.other_parameters == ()


def test_the_time_that_the_sqlite_driver_waits_is_kept_where_it_is_the_driver() -> None:
    waits = 'modparam("db_sqlite", "db_set_busy_timeout", "/acc=1000")\nmodparam("acc", "db_flag", 1)\n'
    url = 'modparam("acc", "db_url", "{}")'
    kept = (OtherParameter("db_sqlite", "db_set_busy_timeout", "/acc=1000"),)
    assert kamailio(waits + url.format("sqlite:///acc")).profile.other_parameters == kept
    assert kamailio(waits + url.format("mysql://host/acc")).profile.other_parameters == ()


# --- branches


BRANCHES = """\
#!define FLT_ACC 1
modparam("acc", "log_flag", FLT_ACC)
#!ifdef WITH_DB
#!ifdef WITH_MYSQL
#!define DBURL "mysql://a:b@c/d"
#!else
#!define DBURL "postgres://a:b@c/d"
#!endif
modparam("acc", "db_flag", FLT_ACC)
modparam("acc", "db_url", DBURL)
#!endif
#!ifdef WITH_NAT
modparam("nathelper", "x", 1)
#!endif
"""


def test_names_that_would_change_the_accounting_are_to_be_chosen() -> None:
    imported = kamailio(BRANCHES)
    assert [(one.name, one.line, one.defined) for one in imported.choices] == [("WITH_DB", 3, False)]
    assert imported.profile.backends == (LOG,)


def test_a_name_within_a_branch_is_asked_for_when_the_branch_is_taken() -> None:
    imported = kamailio(BRANCHES, "WITH_DB")
    assert [(one.name, one.defined) for one in imported.choices] == [("WITH_DB", True), ("WITH_MYSQL", False)]
    assert imported.profile.options == {"db_url": "postgres://a:b@c/d"}


def test_what_was_chosen_decides() -> None:
    assert kamailio(BRANCHES, "WITH_DB", "WITH_MYSQL").profile.options == {"db_url": "mysql://a:b@c/d"}


def test_a_value_of_a_definition_keeps_its_name() -> None:
    text = '#!define DBURL "mysql://a:b@c/d"\nmodparam("acc", "db_url", DBURL)\nmodparam("acc", "db_flag", 3)'
    assert kamailio(text).profile.macros == {"db_url": "DBURL"}


def test_flags_without_a_number_take_the_lowest_that_is_free() -> None:
    text = """flags OTHER, FLAG_ACC:1, FLAG_FAILED;
        modparamx("acc", "log_flag", $flag(FLAG_ACC))
        modparam("acc", "failed_transaction_flag", "FLAG_FAILED")"""
    assert kamailio(text).profile.flags == Flags(
        {LOG: MessageFlag(1, "FLAG_ACC")}, failed=MessageFlag(2, "FLAG_FAILED")
    )


def test_dialog_records_alone_are_accounting() -> None:
    text = 'modparam("acc", "cdr_enable", 1)\n'
    assert kamailio(text).profile.backends == (LOG,)
    to_sql = text + 'modparam("acc", "db_url", "flatstore:/a")\nmodparam("acc", "cdrs_table", "cdr")\n'
    assert kamailio(to_sql + 'modparam("acc", "cdr_log_enable", 0)').profile.backends == (SQL,)
    assert kamailio(to_sql).profile.backends == (LOG, SQL)


@pytest.mark.parametrize("line", ["divert(-1)", "define(`PORT', `5060')", "include(`flags.m4')", "port=5060 dnl"])
def test_an_m4_template_is_named_as_such(line: str) -> None:
    assert any("m4 template" in why for why in whys(kamailio(f"{line}\n")))


# --- guesses


@pytest.mark.parametrize(
    ("text", "product", "version"),
    [
        ('modparam("acc", "log_flag", 1)', K, (5, 6)),
        ('modparam("acc", "cdr_duration_mode", 2)', K, (6, 1)),
        ('modparam("acc_diameter", "diameter_flag", 2)', K, (5, 6)),
        ('#!KAMAILIO\nmodparam("acc", "diameter_flag", 2)\nmodparam("acc", "radius_flag", 2)', K, (5, 6)),
        ('route { do_accounting("log"); }', OS, (3, 4)),
        ('modparam("acc", "extra_fields", "log: a")', OS, (3, 4)),
        ('route { do_accounting("log"); }\nmodparam("acc", "log_extra", "a=$fU")', OS, (2, 2)),
        ('modparam("acc", "aaa_flag", "A")\nmodparam("acc", "evi_flag", "B")', OS, (2, 1)),
        ('mpath="/usr/lib/openser/modules/"\nmodparam("acc", "log_flag", 1)', Product.OPENSER, (1, 3)),
        ('mpath="/usr/lib/openser/modules/"\nmodparam("acc", "log_fmt", "mf")', Product.OPENSER, (1, 1)),
    ],
)
def test_product_and_version_are_guessed_from_what_is_used(
    text: str, product: Product, version: tuple[int, int]
) -> None:
    imported = parse_config(text)
    assert (imported.profile.product, imported.profile.version) == (product, Version(*version))
    assert (imported.product_guessed, imported.version_guessed) == (True, True)


def test_what_is_given_is_not_guessed() -> None:
    imported = kamailio('modparam("acc", "aaa_flag", 1)')
    assert (imported.product_guessed, imported.version_guessed) == (False, False)


# --- as a whole


def test_the_calls_of_accounting_functions_are_told() -> None:
    imported = kamailio('route { acc_db_request("404 gone", "missed_calls"); setflag(3); }')
    assert [(one.name, one.line) for one in imported.calls] == [("acc_db_request", 1)]


def test_no_remark_shows_a_password() -> None:
    text = 'modparam("acc", "db_url", "mysql://u:secret@h/d")\nmodparam("acc", "db_url", "mysql://u:other@h/d")'
    assert "secret" not in str(kamailio(text).remarks)


def test_a_text_without_accounting_gives_an_empty_profile() -> None:
    assert kamailio("request_route { exit; }").profile == AccountingProfile(K, Version(5, 6), ())


def test_a_layout_comes_from_the_text() -> None:
    layout = layout_from_text('modparam("acc", "log_flag", 1)\nmodparam("acc", "log_extra", "who=$fU")')
    assert layout.extras == {LOG: ("who",)}
    assert layout.roles == {"who": Role.CALLER}


def test_a_layout_of_a_text_without_accounting_is_refused() -> None:
    with pytest.raises(ValueError, match="sets up no accounting"):
        layout_from_text("request_route { exit; }")


fragments = st.sampled_from(
    [
        *('modparam("acc", ', '"log_extra"', ', "a=$fU")', "modparam(", '"', "'", "(", ")", "$(", "$acc_extra(a) = "),
        *(
            "#!ifdef A\n",
            "#!else\n",
            "#!endif\n",
            "#!define A B\n",
            "#!define B A\n",
            "do_accounting(",
            "/*",
            "*/",
            "#",
        ),
        *(
            "flags X:",
            "1",
            ";",
            ",",
            "\n",
            '#!substdef "!A!B!"\n',
            'loadmodule "acc_json.so"\n',
            "setflag(A)",
            "{",
            "}",
        ),
    ]
)


@given(st.lists(fragments | st.text(max_size=5), max_size=25).map("".join), st.sampled_from([None, *Product]))
def test_any_text_is_read_without_an_error(text: str, product: Product | None) -> None:
    imported = parse_config(text, product=product)
    assert AccountingProfile.from_json(imported.profile.to_json()) == imported.profile


@pytest.mark.parametrize(
    "text",
    [
        "/*" * 100_000,
        '"' + '\\"' * 100_000,
        "modparam(" * 20_000,
        "modparam(" * 20_000 + ")" * 20_000,
        "do_accounting(" * 20_000 + ")" * 20_000,
        "$(" * 20_000,
        "$acc_extra(a) = " * 20_000,
        "#!ifdef A\n" * 20_000,
        'modparam("acc", "log_extra", "'
        + "a=$b;" * 20_000
        + '")\nmodparam("acc", "db_extra", "'
        + "a=$b;" * 20_000
        + '")',
        'modparam("acc", "log_level", "' + "://a:" * 20_000 + '")',
    ],
    ids=lambda text: text[:12],
)
def test_a_text_that_is_made_to_take_long_is_read_like_any_other(text: str) -> None:
    assert parse_config(text).profile.product in Product


def test_records_of_dialogs_alone_are_in_the_log_and_in_their_table_whatever_fields_the_log_has() -> None:
    text = """
    modparam("acc", "log_extra", "ua=$ua")
    modparam("acc", "db_url", "mysql://sip@host/acc")
    modparam("acc", "cdr_enable", 1)
    modparam("acc", "cdrs_table", "acc_cdrs")
    """
    assert parse_config(text, product=Product.KAMAILIO).profile.backends == (Backend.SYSLOG, Backend.SQL)
