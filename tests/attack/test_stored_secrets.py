"""Secrets in the database and on the disk: read by others, encrypted with keys that change or get lost."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import decrypt
from django.conf import settings as current_settings
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import override_settings

from accweb.environment import data_folder, former_secret_keys, open_to_others
from accweb.web.models import AuditEntry
from cdr.models import Source
from cdr.models.source import reveal
from cdr.receivers.radius_server import RadiusServer
from proxyconf.models.imported import RawFile, imported_files, store_imported
from proxyconf.models.profile import Profile, profile_of, save_profile
from proxyconf.models.revision import publish
from tests.cdr.receivers.serving import serving
from tests.factories import make_proxy, make_source
from tests.proxyconf.models.test_profile import WHOLE

NEW = "a-key-that-is-quite-new-0123456789-abcdefghijklmnopqrstuvw"
FILES = [RawFile("kamailio.cfg", b'modparam("acc", "db_url", "mysql://openser:openserrw@db/openser")')]


def make_radius() -> Source:
    return make_source(
        name="radius",
        kind=Source.Kind.RADIUS,
        settings={"listen": "127.0.0.1:0", "clients": "127.0.0.1", "secret": "correct-horse-7"},
    )


def secrets(action: str) -> tuple[int, str]:
    """Run ``manage.py secrets``; return its exit status and what it wrote."""
    out, status = StringIO(), 0
    try:
        call_command("secrets", action, stdout=out, stderr=StringIO())
    except SystemExit as ended:
        status = int(ended.code or 0)
    return status, out.getvalue()


def secret_of(source: Source) -> bytes:
    source.refresh_from_db()
    settings: Any = source.parsed_settings()
    return reveal(settings.secret)


@pytest.mark.django_db
def test_after_a_rotation_the_former_key_opens_nothing_and_is_not_needed() -> None:
    source, proxy = make_radius(), make_proxy("kam2")
    publish(save_profile(proxy, WHOLE), by=None)
    store_imported(proxy, FILES, ())
    former = current_settings.SECRET_KEY
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[former]):
        assert secrets("rotate") == (0, "encrypted with SECRET_KEY: the secrets in 5 fields\n")
    with override_settings(SECRET_KEY=NEW):
        assert secrets("check") == (0, "all stored secrets can be decrypted\n")
        assert secret_of(source) == b"correct-horse-7"
        assert profile_of(Profile.objects.get()).options == WHOLE.options
        assert proxy.revisions.get().value.options == WHOLE.options
        assert imported_files(proxy) == (FILES, ())
    with pytest.raises(LookupError):
        secret_of(source)
    assert AuditEntry.objects.get().target == "stored secrets"


@pytest.mark.django_db
def test_second_factors_are_rotated_too() -> None:
    ann = User.objects.create(username="ann")
    TOTP.activate(ann, "JBSWY3DPEHPK3PXP")
    former = current_settings.SECRET_KEY
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[former]):
        assert secrets("rotate") == (0, "encrypted with SECRET_KEY: the secrets in 1 fields\n")
    with override_settings(SECRET_KEY=NEW):
        assert decrypt(Authenticator.objects.get().data["secret"]) == "JBSWY3DPEHPK3PXP"


@pytest.mark.django_db
def test_a_lost_key_is_said_with_the_sources_and_profiles_that_need_it() -> None:
    make_radius()
    save_profile(make_proxy("kam2"), WHOLE)
    with override_settings(SECRET_KEY=NEW):
        status, text = secrets("check")
        assert (status, "source kam1/radius: settings.secret was encrypted with another key" in text) == (1, True)
        assert "profile kam2: options.db_url was encrypted with another key" in text
        assert secrets("rotate")[0] == 1
    assert secrets("check")[0] == 0  # what could not be read was left as it was


@pytest.mark.django_db
def test_a_receiver_without_the_key_names_the_remedy_at_its_source() -> None:
    source = make_radius()
    with override_settings(SECRET_KEY=NEW), serving(RadiusServer(), source) as server:
        (served,) = server.sources
        assert "give that key in SECRET_KEY_FALLBACKS, or enter it again" in served.setup_error


@pytest.mark.django_db
def test_text_that_only_looks_encrypted_stays_as_it_is() -> None:
    profile = save_profile(make_proxy(), WHOLE)
    forged = "gAAAA" + "A" * 95
    Profile.objects.filter(pk=profile.pk).update(options={"db_url": forged})
    assert secrets("rotate")[0] == 1
    assert Profile.objects.get().options == {"db_url": forged}


def test_former_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THING", f"{NEW}, {NEW[::-1]}")
    assert former_secret_keys("THING") == [NEW, NEW[::-1]]
    monkeypatch.setenv("THING", "short")
    with pytest.raises(SystemExit, match="THING: a key is too short or too simple; give former values of SECRET_KEY"):
        former_secret_keys("THING")


def test_a_data_folder_and_files_that_others_may_read_are_closed_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    for name in ("secret-key", "accweb.sqlite3", "anything"):
        (folder / name).touch(mode=0o644)
    data_folder("THING_THAT_IS_NOT_SET", default=folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_a_folder_that_cannot_be_closed_is_warned_of(tmp_path: Path, settings: Any) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "secret-key").touch(mode=0o640)
    tmp_path.chmod(0o700)
    (warning,) = [one for one in run_checks() if one.id == "accweb.W001"]
    assert f"{tmp_path}/secret-key belongs to another user" in warning.msg
    assert open_to_others(tmp_path) == [tmp_path / "secret-key"]
