"""Dictionary files of FreeRADIUS, radcli and radiusclient-ng."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.formats.radius_dictionary import (
    OPENSER_NUMBERS,
    OPENSIPS_NUMBERS,
    STANDARD,
    Attribute,
    DataType,
    Dictionary,
    DictionaryError,
    Numberings,
    decode_value,
    has_opensips_numbers,
    parse,
)
from proxyconf.vocabulary.products import Product
from tests.cdr.formats.recorded_lines import content, folders_with

OPENSIPS_SHIPS = """
# as etc/dictionary.opensips is laid out
ATTRIBUTE Sip-Method           204  integer    # Proprietary, acc
ATTRIBUTE Sip-From-Tag         206  integer    # Proprietary, acc
VALUE Acct-Status-Type     Alive             3  #dup
VALUE Service-Type       Sip-Session            15   # Schulzrinne, acc
VENDOR    Cisco                   9
ATTRIBUTE Cisco-AVPair            1       string  Cisco
"""
FREERADIUS_SHIPS = """
ATTRIBUTE\tUser-Password\t\t\t\t2\tstring encrypt=1
ATTRIBUTE\tTunnel-Type\t\t\t\t64\tinteger has_tag
ATTRIBUTE\tExtended-Attribute-1\t\t\t241\textended
ATTRIBUTE\tFrag-Status\t\t\t\t241.1\tinteger
VENDOR\t\tAscend\t\t\t\t529
BEGIN-VENDOR\tAscend
ATTRIBUTE\tAscend-Route-IP\t\t\t\t228\tinteger
VALUE\tAscend-Route-IP\t\t\tRoute-IP-No\t\t0
END-VENDOR\tAscend
ATTRIBUTE\tDigest-Realm\t\t\t\t0x68\tstring
"""


@pytest.mark.parametrize("folder", folders_with("dictionary"))
def test_every_recorded_dictionary_is_read(folder: str) -> None:
    found = parse(content(folder, "dictionary").decode())
    numbers = [204, 205, 206, 207] if folder.startswith("opensips") else [101, 102, 105, 104]
    names = ("Sip-Method", "Sip-Response-Code", "Sip-From-Tag", "Sip-To-Tag")
    assert [attribute.number for name in names if (attribute := found.named(name))] == numbers
    assert found.value_of("Sip-Method", "BYE") == 8
    assert found.value_of("Acct-Status-Type", "Alive") == 3


def test_opensips_dictionary_is_read() -> None:
    found = parse(OPENSIPS_SHIPS)
    assert found.definition(204) == Attribute("Sip-Method", 204, DataType.INTEGER, 4)
    assert found.definition(1, vendor=9) == Attribute("Cisco-AVPair", 1, DataType.TEXT, 0, 9)


def test_the_tags_are_text_although_opensips_dictionary_says_integer() -> None:
    assert parse(OPENSIPS_SHIPS).definition(206).type is DataType.TEXT


def test_freeradius_syntax_is_read() -> None:
    found = parse(FREERADIUS_SHIPS)
    assert found.definition(228, vendor=529).name == "Ascend-Route-IP"
    assert found.definition(228).name == "Attr-228"
    assert found.definition(104).name == "Digest-Realm"
    assert found.value_of("ascend-route-ip", "route-ip-no") == 0


def test_an_included_file_is_asked_for() -> None:
    found = parse("$INCLUDE dictionary.extra\nATTRIBUTE b 241 string", {"dictionary.extra": "ATTRIBUTE a 240 string"}.__getitem__)  # noqa: E501  # fmt: skip
    assert (found.definition(240).name, found.definition(241).name) == ("a", "b")


def missing(name: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", name)


def test_an_optional_file_may_be_missing() -> None:
    assert parse("$INCLUDE- dictionary.local\nATTRIBUTE b 241 string", missing).definition(241).name == "b"


def test_the_last_definition_of_a_number_counts() -> None:
    assert parse("ATTRIBUTE a 240 string\nATTRIBUTE b 240 integer").definition(240).name == "b"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ATTRIBUTE a x string", "dictionary:1: the number is not valid"),
        ("\n\nATTRIBUTE a 99999999999 string", "dictionary:3: the number is out of range"),
        ("ATTRIBUTE a 240", "dictionary:1: the line is not valid"),
        ("ATRIBUTE a 240 string", "use ATTRIBUTE name number type"),
        ("VALUE a b", "line is not valid"),
        ("ATTRIBUTE a 1 string Cisco", "unknown vendor"),
        ("BEGIN-VENDOR Cisco", "define it above with a line VENDOR name number"),
        ("$INCLUDE other", "dictionary:1: $INCLUDE is not supported here; replace the line with the text of the file"),
    ],
)
def test_a_wrong_line_is_named_with_what_would_help(text: str, says: str) -> None:
    with pytest.raises(DictionaryError) as raised:
        parse(text)
    assert says in str(raised.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(
        DictionaryError, match=r"own:1: the file that \$INCLUDE names cannot be read; provide that file as well"
    ):
        parse("$INCLUDE other", missing, "own")


def test_an_error_in_an_included_file_is_told_once_and_with_its_place() -> None:
    with pytest.raises(DictionaryError, match=r"^other:2: the number is not valid; .*digits$"):
        parse("$INCLUDE other", lambda _: "\nATTRIBUTE a x string")


def test_files_that_include_each_other_are_an_error() -> None:
    with pytest.raises(DictionaryError, match="remove the circular one"):
        parse("$INCLUDE other", lambda _: "$INCLUDE other")


@given(st.text(alphabet="ATRIBUEVL \n\t#$x0123456789-"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        said: object = parse(text)
    except DictionaryError as error:
        said = str(error)
    assert isinstance(said, Dictionary) or str(said).startswith("dictionary:")


# One dictionary over another


def test_nothing_stays_of_a_name_or_number_that_was_given_away() -> None:
    found = parse("ATTRIBUTE Sip-Method 204 integer\nATTRIBUTE src 102 string").over(OPENSER_NUMBERS)
    assert found.definition(101).name == "Attr-101"
    assert found.named("Sip-Response-Code") is None
    assert found.definition(102).name == "src"
    assert found.definition(104).name == "Sip-To-Tag"


def test_values_add_up() -> None:
    found = parse("VALUE Acct-Status-Type Tunnel-Start 9").over(STANDARD)
    assert (found.value_of("Acct-Status-Type", "Tunnel-Start"), found.value_of("acct-status-type", "stop")) == (9, 2)


def test_a_dictionary_with_sip_method_leaves_nothing_open() -> None:
    openser, opensips = Numberings.of(parse(content("11-multi-leg", "dictionary").decode()))
    assert openser is opensips


def test_a_dictionary_that_names_101_otherwise_does_not_hide_openser_numbers() -> None:
    openser, _ = Numberings.of(parse("ATTRIBUTE Error-Cause 101 integer"))
    assert openser.definition(101).name == "Sip-Method"


@pytest.mark.parametrize(
    ("numbers", "product", "opensips"),
    [
        ({101, 102}, Product.OPENSIPS, False),
        ({204, 205}, Product.KAMAILIO, True),
        ({101, 102, 204, 205}, Product.KAMAILIO, False),
        ({101, 102, 204, 205}, Product.OPENSIPS, True),
        ({101, 102, 204}, Product.OPENSIPS, False),
        (set(), Product.OPENSIPS, False),
    ],
)
def test_the_numbers_present_tell_the_numbering(numbers: set[int], product: Product, opensips: bool) -> None:
    assert has_opensips_numbers(numbers, product) is opensips


# Values


@pytest.mark.parametrize(
    ("type_", "raw", "value"),
    [
        ("string", b"bob", "bob"),
        ("integer", b"\0\0\x13\xc4", 5060),
        ("integer", b"bob", "bob"),
        ("integer", b"\0\x01", "0x0001"),
        ("integer", b"", ""),
        ("signed", b"\xff\xff\xff\xff", -1),
        ("integer64", bytes(7) + b"\x09", 9),
        ("short", b"\x01\x00", 256),
        ("byte", b"\x07", 7),
        ("date", b"\x6b\x03\x7d\x2e", 1795390766),
        ("date", b"1795390766.013862", "1795390766.013862"),
        ("ipaddr", b"\x7f\0\0\x01", "127.0.0.1"),
        ("ipv4addr", b"\xc0\0\x02\x01", "192.0.2.1"),
        ("ipaddr", b"\x7f", "0x7f"),
        ("ipv6addr", bytes(15) + b"\x01", "::1"),
        ("ipv6prefix", b"\0\x20\x20\x01\x0d\xb8", "2001:db8::/32"),
        ("ipv6prefix", b"\0\xff", "0x00ff"),
        ("octets", b"ab", "0x6162"),
        ("octets", b"", ""),
        ("somethingnew", b"ab", "0x6162"),
    ],
)
def test_values_are_decoded_by_type(type_: str, raw: bytes, value: str | int) -> None:
    assert decode_value(raw, parse(f"ATTRIBUTE a 240 {type_}").definition(240)) == value


TYPES = st.sampled_from(("string", "integer", "signed", "integer64", "ipaddr", "ipv6addr", "ipv6prefix", "octets"))


@given(TYPES, st.binary(max_size=20))
def test_no_value_raises(type_: str, raw: bytes) -> None:
    assert isinstance(decode_value(raw, parse(f"ATTRIBUTE a 240 {type_}").definition(240)), int | str)


@given(st.binary(max_size=20))
def test_an_unknown_value_can_be_printed(raw: bytes) -> None:
    value = decode_value(raw, OPENSIPS_NUMBERS.definition(250))
    assert isinstance(value, str)
    assert value.isprintable()
