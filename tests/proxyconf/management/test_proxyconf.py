from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from proxyconf.models import Profile, Proxy, Revision
from proxyconf.models.profile import profile_of, save_profile
from proxyconf.vocabulary.layout import Backend
from tests.conftest import Manage
from tests.factories import make_proxy
from tests.proxyconf.views.test_publishing import SOUND, WRONG

pytestmark = pytest.mark.django_db


@pytest.fixture
def proxy() -> Proxy:
    made = make_proxy("edge-1")
    save_profile(made, SOUND)
    return made


def run(*arguments: str | Path) -> str:
    out = io.StringIO()
    call_command("proxyconf", *map(str, arguments), stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_render_names_the_files(proxy: Proxy) -> None:
    assert "acc.cfg\tAccounting section" in run("render", "edge-1").splitlines()


def test_render_writes_one_file_to_standard_output(proxy: Proxy) -> None:
    assert 'modparam("acc", "log_extra", "src_user=$fU")\n' in run("render", "edge-1", "--artefact", "acc.cfg")


def test_render_writes_all_files_into_a_folder_or_a_zip(proxy: Proxy, tmp_path: Path) -> None:
    run("render", "edge-1", "--output", tmp_path / "out")
    run("render", "edge-1", "--output", tmp_path / "out.zip")
    written = (tmp_path / "out" / "acc.cfg").read_bytes()
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read("edge-1/acc.cfg") == written
    assert (tmp_path / "out.zip").stat().st_mode & 0o777 == 0o640


def test_render_leads_the_log_to_the_collector(proxy: Proxy) -> None:
    rule = run("render", "edge-1", "--artefact", "rsyslog.conf", "--collector", "accweb.example.net")
    assert 'target="accweb.example.net" port="5140"' in rule


def test_render_gives_what_a_revision_held(proxy: Proxy) -> None:
    run("publish", "edge-1")
    save_profile(proxy, replace(SOUND, extras=()))
    assert "src_user" in run("render", "edge-1", "--artefact", "acc.cfg", "--revision", "1")
    assert "src_user" not in run("render", "edge-1", "--artefact", "acc.cfg")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["render", "nowhere"], "there is no proxy 'nowhere'; see: manage.py proxy list"),
        (
            ["render", "bare"],
            "bare has no profile; create one in the browser, or run: manage.py proxyconf import bare FILE",
        ),
        (["render", "edge-1", "--artefact", "x"], "--artefact: no file 'x'; use one of acc.cfg, "),
        (["render", "edge-1", "--revision", "3"], "--revision: edge-1 has no revision 3; nothing was published yet"),
        (["render", "edge-1", "--collector", "a b"], "--collector: 'a b' is not a valid host name or address"),
        (["check"], "specify either PROXY or --file CFG"),
        (["check", "--file", "/no/such/file"], "No such file or directory"),
        (["check", "--file", __file__, "--version", "new"], "new"),
        (["import", "edge-1", "/no/such/file"], "No such file or directory"),
    ],
)
def test_a_wrong_argument_is_one_line_that_says_what_to_do(arguments: list[str], says: str, proxy: Proxy) -> None:
    make_proxy("bare")
    with pytest.raises(CommandError) as error:
        run(*arguments)
    assert says in str(error.value)
    assert error.value.returncode == 2


def test_check_ends_with_status_1_on_errors(proxy: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    run("check", "edge-1")
    save_profile(proxy, WRONG)
    with pytest.raises(SystemExit) as ended:
        run("check", "edge-1")
    assert ended.value.code == 1


def test_quiet_leaves_notes_out_and_counts_them(tmp_path: Path) -> None:
    config = tmp_path / "kamailio.cfg"
    config.write_text('modparam("acc", "log_flag", 1)\nmodparam("acc", "log_extra", "a=$ru;b=$rU")')
    said = run("check", "--file", config)
    assert said.count("[variable-request-uri]") == 1
    assert "also: extra field 2" in said
    quiet = run("check", "--file", config, "--quiet")
    assert "note:" not in quiet
    assert quiet.splitlines()[-1] == said.splitlines()[-1]


def test_check_reads_a_configuration(tmp_path: Path) -> None:
    config = tmp_path / "kamailio.cfg"
    config.write_text(
        '#!ifdef WITH_EXTRA\nmodparam("acc", "log_extra", "a=$fU;")\n#!endif\nmodparam("acc", "log_flag", 1)'
    )
    assert "#!ifdef WITH_EXTRA: assumed not to be defined; if it is, add --define WITH_EXTRA" in run(
        "check", "--file", config
    )


def test_check_shows_no_password(proxy: Proxy) -> None:
    backends = (Backend.SYSLOG, Backend.SQL)
    save_profile(proxy, replace(SOUND, backends=backends, options={"db_url": "mysql://acc:geheim@db acc"}))
    try:
        text = run("check", "edge-1")
    except SystemExit:
        text = ""
    assert "geheim" not in text


def test_import_makes_a_configuration_the_draft(proxy: Proxy, recorded: Path) -> None:
    said = run("import", "edge-1", recorded / "12-extra-accounting-syslog" / "acc.cfg")
    assert "as the draft of edge-1; publish it" in said
    assert len(profile_of(Profile.objects.get()).extras) > 1


def test_import_takes_definitions(proxy: Proxy, tmp_path: Path) -> None:
    config = tmp_path / "kamailio.cfg"
    config.write_text(
        '#!ifdef WITH_UA\nmodparam("acc", "log_extra", "ua=$ua")\n#!endif\nmodparam("acc", "log_flag", 1)'
    )
    run("import", "edge-1", config, "--define", "WITH_UA")
    assert [one.name for one in profile_of(Profile.objects.get()).extras] == ["ua"]


def test_a_dry_run_changes_nothing(proxy: Proxy, recorded: Path) -> None:
    said = run("import", "edge-1", recorded / "12-extra-accounting-syslog" / "acc.cfg", "--dry-run")
    assert "extra field src_user" in said
    assert profile_of(Profile.objects.get()) == SOUND


def test_a_text_without_accounting_overwrites_no_draft(proxy: Proxy, tmp_path: Path) -> None:
    config = tmp_path / "kamailio.cfg"
    config.write_text("listen=udp:192.0.2.1:5060\n")
    with pytest.raises(CommandError, match="this configuration sets up no accounting; nothing was changed"):
        run("import", "edge-1", config)
    assert profile_of(Profile.objects.get()) == SOUND


def test_publish_makes_a_revision(proxy: Proxy) -> None:
    assert "published revision 1 of edge-1" in run("publish", "edge-1", "--why", "ticket 4711")
    assert Revision.objects.get().why == "ticket 4711"


def test_publish_takes_errors_only_on_demand(proxy: Proxy) -> None:
    save_profile(proxy, WRONG)
    with pytest.raises(CommandError, match="fix them, or add --despite-errors"):
        run("publish", "edge-1")
    run("publish", "edge-1", "--despite-errors")
    assert Revision.objects.count() == 1


def test_a_configuration_is_read_from_standard_input(manage: Manage) -> None:
    config = 'modparam("acc", "log_flag", 77)\n'
    ended = manage("proxyconf", "check", "--file", "-", input=config)
    assert ended.returncode == 1
    assert "77" in ended.stdout
