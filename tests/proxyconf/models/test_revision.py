from __future__ import annotations

import json
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError

from proxyconf.models import Revision
from proxyconf.models.profile import save_profile
from proxyconf.models.revision import latest_revision, publish, restored
from proxyconf.profile_layout import layout_of
from proxyconf.vocabulary.products import Version
from tests.factories import make_proxy
from tests.proxyconf.models.test_profile import WHOLE

pytestmark = pytest.mark.django_db


def test_publishing_keeps_who_and_why_and_the_whole_profile() -> None:
    ann = User.objects.create_user("ann")
    revision = publish(save_profile(make_proxy(), WHOLE), by=ann, why="ticket 4711")
    assert (revision.number, revision.author, revision.why) == (1, "ann", "ticket 4711")
    assert Revision.objects.get().value == WHOLE


def test_publishing_tells_the_proxy_what_it_logs_from_now_on() -> None:
    proxy = make_proxy()
    publish(save_profile(proxy, WHOLE), by=None)
    proxy.refresh_from_db()
    assert proxy.field_layout == layout_of(WHOLE)


def test_revisions_count_per_proxy() -> None:
    drafts = [save_profile(make_proxy(name), WHOLE) for name in ("a1", "b1")]
    assert [publish(draft, by=None).number for draft in (*drafts, drafts[0])] == [1, 1, 2]
    newest = latest_revision(drafts[0].proxy)
    assert newest is not None
    assert newest.number == 2
    assert newest.before() == Revision.objects.get(proxy=drafts[0].proxy, number=1)


def test_a_revision_does_not_change() -> None:
    revision = publish(save_profile(make_proxy(), WHOLE), by=None)
    revision.why = "something else"
    with pytest.raises(ValueError, match="published"):
        revision.save()


def test_a_number_is_given_once() -> None:
    revision = publish(save_profile(make_proxy(), WHOLE), by=None)
    with pytest.raises(IntegrityError):
        Revision.objects.create(proxy=revision.proxy, number=1, profile={})


def test_a_later_draft_leaves_the_revision_as_it_is() -> None:
    proxy = make_proxy()
    publish(save_profile(proxy, WHOLE), by=None)
    save_profile(proxy, replace(WHOLE, extras=()))
    assert Revision.objects.get().value == WHOLE


def test_no_password_is_in_a_stored_revision() -> None:
    publish(save_profile(make_proxy(), WHOLE), by=None)
    assert "geheim" not in json.dumps(Revision.objects.get().profile)


def test_the_name_of_the_author_outlives_the_account() -> None:
    ann = User.objects.create_user("ann")
    publish(save_profile(make_proxy(), WHOLE), by=ann)
    ann.delete()
    assert Revision.objects.get().author == "ann"


def test_a_restored_revision_is_for_the_release_that_the_proxy_has_now() -> None:
    proxy = make_proxy()
    revision = publish(save_profile(proxy, WHOLE), by=None)
    proxy.version = "5.8"
    proxy.save()
    revision.refresh_from_db()
    assert restored(Revision.objects.get()) == replace(WHOLE, version=Version(5, 8))
