from __future__ import annotations

import json

import pytest
from django.test import override_settings

from proxyconf.models import Profile, Proxy
from proxyconf.models.profile import profile_of, save_profile, suggested
from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, OtherParameter
from proxyconf.vocabulary.layout import Backend, Role
from proxyconf.vocabulary.products import Product, Version
from tests.factories import make_proxy

pytestmark = pytest.mark.django_db

WHOLE = AccountingProfile(
    backends=(Backend.SYSLOG, Backend.SQL),
    options={"db_url": "mysql://acc:geheim@db/acc", "early_media": 1},
    extras=(
        ExtraDefinition("src", "$fU", {Backend.SYSLOG: "src_user", Backend.SQL: "caller"}, Role.CALLER),
        ExtraDefinition("a b;", "$xyz", {}, sql_width=16),
    ),
    legs=(LegDefinition("leg_src", "$avp(leg_src)", {}, Role.LEG_SOURCE),),
    cdr_extras=(ExtraDefinition("id", "$ci", {Backend.SYSLOG: "id", Backend.SQL: "id"}),),
    other_parameters=(OtherParameter("dialog", "db_url", "mysql://dlg:streng@db/dlg"),),
)


def test_what_is_saved_is_read_back() -> None:
    assert profile_of(save_profile(make_proxy(), WHOLE)) == WHOLE


def test_saving_again_takes_the_place_of_the_draft_before() -> None:
    proxy = make_proxy()
    save_profile(proxy, WHOLE)
    save_profile(proxy, AccountingProfile(extras=WHOLE.extras[:1]))
    assert profile_of(Profile.objects.get(proxy=proxy)) == AccountingProfile(extras=WHOLE.extras[:1])


def test_the_release_is_that_of_the_proxy() -> None:
    proxy = make_proxy(product="opensips", version="3.6")
    found = profile_of(save_profile(proxy, WHOLE))
    assert (found.product, found.version) == (Product.OPENSIPS, Version(3, 6))


def test_no_password_is_in_the_database_in_plain_text() -> None:
    save_profile(make_proxy(), WHOLE)
    stored = json.dumps(list(Profile.objects.values("options", "other_parameters")))
    assert "geheim" not in stored
    assert "streng" not in stored


def test_a_password_of_another_secret_key_is_left_out_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    save_profile(make_proxy(), WHOLE)
    with override_settings(SECRET_KEY="another"):
        found = profile_of(Profile.objects.get())
    assert found.options == {"early_media": 1}
    assert found.extras == WHOLE.extras
    assert "profile of kam1: db_url was encrypted with another SECRET_KEY: give that key in" in caplog.text


def test_a_password_is_read_while_its_key_is_a_fallback() -> None:
    save_profile(make_proxy(), WHOLE)
    with override_settings(SECRET_KEY="new"):
        assert "db_url" not in profile_of(Profile.objects.get()).options
    from django.conf import settings

    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert profile_of(Profile.objects.get()) == WHOLE


def test_flags_of_the_script_are_kept_until_others_are_given() -> None:
    proxy = make_proxy()
    save_profile(proxy, WHOLE, flags_elsewhere=(7, 3))
    save_profile(proxy, WHOLE)
    assert Profile.objects.get().flags_elsewhere == [3, 7]


def test_a_suggestion_fits_the_proxy() -> None:
    found = suggested(make_proxy(product="openser", version="1.3"), [Backend.SYSLOG, Backend.EVENTS])
    assert found.product is Product.OPENSER
    assert found.backends == (Backend.SYSLOG,)


def test_a_profile_goes_with_its_proxy() -> None:
    save_profile(make_proxy(), WHOLE)
    Proxy.objects.all().delete()
    assert not Profile.objects.exists()
