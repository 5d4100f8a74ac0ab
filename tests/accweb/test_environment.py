from __future__ import annotations

import threading
from pathlib import Path

import pytest

from accweb import environment
from tests.conftest import Manage

DEFAULT = Path("/nowhere/accweb.sqlite3")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THING", raising=False)


def test_a_sqlite_address_names_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THING", f"sqlite:///{tmp_path}/calls of 2026%25.db")
    assert environment.database("THING", default=DEFAULT)["NAME"] == f"{tmp_path}/calls of 2026%.db"


def test_no_address_means_the_default_file() -> None:
    assert environment.database("THING", default=DEFAULT)["NAME"] == str(DEFAULT)


def test_a_postgresql_address_is_read_with_its_escapes_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "postgresql://me:p%40ss@db.example.net:5433/calls?sslmode=require")
    found = environment.database("THING", default=DEFAULT)
    found["OPTIONS"] = {name: value for name, value in found["OPTIONS"].items() if name not in environment._TIMEOUTS}
    assert {name: found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")} == {
        "NAME": "calls",
        "USER": "me",
        "PASSWORD": "p@ss",
        "HOST": "db.example.net",
        "PORT": 5433,
        "OPTIONS": {"sslmode": "require"},
    }


def test_a_postgresql_address_may_name_the_folder_of_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "postgres:///calls?host=/run/postgresql")
    assert environment.database("THING", default=DEFAULT)["HOST"] == "/run/postgresql"


@pytest.mark.parametrize(
    "address",
    [
        "calls.db",
        "mysql://me@db/calls",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:////no/such/folder/calls.db",
        "postgresql://me:secret@db",
        "postgresql://me:secret@db:port/calls",
        "postgresql://me:secret@db/calls?sslmode",
    ],
)
def test_a_wrong_database_address_stops_the_start_without_showing_its_password(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THING", address)
    with pytest.raises(SystemExit) as stop:
        environment.database("THING", default=DEFAULT)
    message = str(stop.value.code)
    assert message.startswith("accweb: THING: ")
    assert "\n" not in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("address", "broker"),
    [
        ("redis://broker:6379/0", "redis://broker:6379/0"),
        ("rediss://me:secret@broker/1", "rediss://me:secret@broker/1"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
    ],
)
def test_a_redis_address_is_one_that_celery_understands(
    address: str, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THING", address)
    assert environment.redis("THING") == broker


@pytest.mark.parametrize("address", ["broker:6379", "http://broker", "redis://", "redis://broker:sixty", "unix://sock"])
def test_a_wrong_redis_address_stops_the_start(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", address)
    with pytest.raises(SystemExit, match=r"accweb: THING: not the address of a Redis server"):
        environment.redis("THING")


@pytest.mark.parametrize(("written", "number"), [("8791", 8791), (" 1 ", 1), ("0080", 80), ("65535", 65535)])
def test_a_number_is_read(written: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", written)
    assert environment.number("THING", default=8000, low=1, high=65535) == number


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1", "8000.5", "8_0", "9" * 5000, "٨٠"])
def test_a_wrong_number_stops_the_start(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", port)
    with pytest.raises(SystemExit, match="is not a number from 1 to 65535"):
        environment.number("THING", default=8000, low=1, high=65535)


@pytest.mark.parametrize("host", ["https://example.net", "example.net:8000", "a b", "example.net,http://x"])
def test_a_host_with_scheme_or_port_stops_the_start(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", host)
    with pytest.raises(SystemExit, match="is not a valid host name"):
        environment.hosts("THING", default=[])


def test_hosts_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", " calls.example.net, .example.org,[::1] ,*")
    assert environment.hosts("THING", default=[]) == ["calls.example.net", ".example.org", "[::1]", "*"]


def test_a_blank_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "  ")
    assert environment.flag("THING", default=True) is True
    assert environment.number("THING", default=8000, low=1, high=65535) == 8000
    assert environment.choice("THING", ["INFO"], default="INFO") == "INFO"
    assert environment.hosts("THING", default=["localhost"]) == ["localhost"]
    assert environment.redis("THING") == environment.template_of_url("THING", []) == ""
    assert environment.database("THING", default=DEFAULT)["NAME"] == str(DEFAULT)


@pytest.mark.parametrize(("value", "is_set"), [("1", True), ("yes", True), ("ON", True), ("0", False), ("off", False)])
def test_a_flag_is_said_in_one_of_many_words(value: str, is_set: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", value)
    assert environment.flag("THING", default=not is_set) is is_set


def test_a_choice_is_taken_in_any_case_and_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "info")
    assert environment.choice("THING", ["DEBUG", "INFO"], default="DEBUG") == "INFO"
    monkeypatch.setenv("THING", "loud")
    with pytest.raises(SystemExit, match="'loud' is unknown; use one of DEBUG, INFO"):
        environment.choice("THING", ["DEBUG", "INFO"], default="DEBUG")


def test_a_flag_that_is_neither_yes_nor_no_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "maybe")
    with pytest.raises(SystemExit, match="'maybe' is not a valid flag"):
        environment.flag("THING", default=False)


def test_a_short_secret_key_stops_the_start_and_is_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THING", "hunter2")
    with pytest.raises(SystemExit) as stop:
        environment.secret_key("THING", tmp_path)
    assert "hunter2" not in str(stop.value.code)


def test_all_who_ask_for_the_secret_at_the_same_time_get_the_same(tmp_path: Path) -> None:
    barrier, seen = threading.Barrier(8), []

    def ask() -> None:
        barrier.wait()
        seen.append(environment.kept_secret(tmp_path / "key"))

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(set(seen)) == 1
    assert len(seen[0]) >= 50
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_the_kept_secret_is_for_its_owner_alone(tmp_path: Path) -> None:
    environment.kept_secret(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_data_folder_that_cannot_be_made_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("THING", str(tmp_path / "file" / "data"))
    with pytest.raises(SystemExit, match="name a folder that can be written to"):
        environment.data_folder("THING", default=tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "oracle://x"),
        ("REDIS_URL", "nonsense"),
        ("PORT", "http"),
        ("LOG_LEVEL", "loud"),
        ("ALLOWED_HOSTS", "http://x"),
        ("ACCWEB_HTTPS", "perhaps"),
        ("ACCWEB_DATA_DIR", "/dev/null/data"),
    ],
)
def test_every_command_stops_at_a_wrong_value_with_one_line_that_names_it(
    name: str, value: str, manage: Manage
) -> None:
    ended = manage("check", **{name: value})
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"accweb: {name}: ")
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


def test_a_database_that_does_not_answer_gives_one_line(manage: Manage, tmp_path: Path) -> None:
    ended = manage("proxy", "list", DATABASE_URL=f"postgresql://me:secret@/calls?host={tmp_path}")
    assert ended.returncode == 1
    assert ended.stderr.startswith("accweb: DATABASE_URL: ")
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr


def test_a_database_that_was_never_set_up_gives_one_line(manage: Manage, tmp_path: Path) -> None:
    ended = manage("proxy", "list", DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "manage.py migrate" in ended.stderr


@pytest.mark.parametrize("address", ["homer.example.net", "javascript:alert(1)", "https://homer/?id={callid}"])
def test_a_wrong_template_of_an_address_stops_the_start(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", address)
    with pytest.raises(SystemExit, match=r"accweb: THING: .*; use .*{call_id}"):
        environment.template_of_url("THING", ["call_id"])


def test_a_template_of_an_address_keeps_its_placeholders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "https://homer/?id={call_id}")
    assert environment.template_of_url("THING", ["call_id"]) == "https://homer/?id={call_id}"


def test_a_postgresql_address_may_set_other_time_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "postgresql://me@db.example.net/calls?connect_timeout=30")
    options = environment.database("THING", default=DEFAULT)["OPTIONS"]
    assert (str(options["connect_timeout"]), options["tcp_user_timeout"]) == ("30", 15_000)


def test_networks_are_addresses_or_networks_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "127.0.0.1, 10.0.0.0/8,::1")
    assert [str(network) for network in environment.networks("THING", default=[])] == [
        "127.0.0.1/32",
        "10.0.0.0/8",
        "::1/128",
    ]


def test_a_network_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "10.0.0.0/33")
    with pytest.raises(SystemExit, match="give IP addresses or networks"):
        environment.networks("THING", default=[])


@pytest.mark.parametrize(
    "address", ["udp://logs", "tcp://logs.example.net:601", "tls://[2001:db8::1]:6514", "unix:///dev/log", ""]
)
def test_a_syslog_server_is_named_by_its_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("THING", address)
    assert environment.syslog_server("THING") == address


@pytest.mark.parametrize("address", ["logs", "http://logs", "udp://", "udp://logs:0", "udp://logs:x", "unix://dev/log"])
def test_another_address_of_a_syslog_server_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("THING", address)
    with pytest.raises(SystemExit, match=r"THING.*is not the address of a syslog server; use udp://HOST:514"):
        environment.syslog_server("THING")


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("smtp://me:p%40ss@mail.example.net", ("mail.example.net", 587, "me", "p@ss", True, False)),
        ("smtps://me:secret@mail.example.net:4465", ("mail.example.net", 4465, "me", "secret", False, True)),
        ("smtp+plain://127.0.0.1:1025", ("127.0.0.1", 1025, "", "", False, False)),
    ],
)
def test_a_mail_server_is_named_by_its_address(
    address: str, server: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THING", address)
    found = environment.mail_server("THING")
    assert tuple(found[name] for name in ("host", "port", "user", "password", "starttls", "tls")) == server


def test_without_an_address_there_is_no_mail_server() -> None:
    assert environment.mail_server("THING") == {}


@pytest.mark.parametrize(
    "address", ["mail:25", "http://mail", "smtp://", "smtp://me:secret@mail:0", "smtp://me:secret@mail:x", "smtp://m/a"]
)
def test_a_wrong_mail_server_stops_the_start_without_showing_its_password(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THING", address)
    with pytest.raises(SystemExit, match="THING") as stopped:
        environment.mail_server("THING")
    assert "secret" not in str(stopped.value)


def test_the_address_of_a_web_site_has_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "https://accweb.example.net/calls/")
    assert environment.web_address("THING") == "https://accweb.example.net/calls"


@pytest.mark.parametrize("address", ["accweb.example.net", "ftp://host", "https://", "https://host/?a=1"])
def test_another_address_of_a_web_site_stops_the_start(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", address)
    with pytest.raises(SystemExit, match="THING"):
        environment.web_address("THING")


def test_pairs_are_split_at_their_last_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "/voip/noc=viewer, ops=operator")
    assert environment.pairs("THING")[0] == ("/voip/noc", "viewer")
    monkeypatch.setenv("THING", "a=b=viewer")
    assert environment.pairs("THING") == [("a=b", "viewer")]
    monkeypatch.delenv("THING")
    assert environment.pairs("THING") == []


@pytest.mark.parametrize("value", ["noc", "=viewer", "noc=", "a=b,c"])
def test_a_pair_without_two_sides_stops_the_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", value)
    with pytest.raises(SystemExit, match=r"THING: .*voip-admins=administrator"):
        environment.pairs("THING")


@pytest.mark.parametrize(
    "value", ["http://id.example.net", "id.example.net", "ftp://localhost", "http://localhost.evil"]
)
def test_a_provider_without_tls_stops_the_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", value)
    with pytest.raises(SystemExit, match="not an https:// address"):
        environment.issuer("THING")


@pytest.mark.parametrize("value", ["https://id.example.net/realms/voip/", "http://127.0.0.1:8080"])
def test_a_provider_has_tls_or_is_on_this_machine(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", value)
    assert environment.issuer("THING") == value.rstrip("/")


def test_a_variable_that_another_one_needs_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", "x")
    environment.require("THING", "THING")
    with pytest.raises(SystemExit, match="OTHER: not set, but THING is"):
        environment.require("THING", "THING", "OTHER")
