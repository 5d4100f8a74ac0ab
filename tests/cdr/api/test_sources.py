from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from cdr.models import Source
from proxyconf.models import ProxyLimit
from tests.cdr.api.conftest import Grant
from tests.factories import make_proxy, make_source

pytestmark = pytest.mark.django_db
SOURCES = "/api/v1/sources/"


@pytest.fixture
def client(granted: Grant) -> Client:
    return granted("view_source")


def test_a_source_is_told_without_its_secrets(client: Client) -> None:
    source = make_source(
        name="db", kind=Source.Kind.DATABASE, settings={"database": "kamailio", "user": "acc", "password": "s3cret"}
    )
    response = client.get(f"{SOURCES}{source.pk}/")
    told = response.json()
    assert told["settings"] == {"database": "kamailio", "user": "acc"}
    assert told["secrets"] == ["password"]
    assert "s3cret" not in response.text
    assert source.settings["password"]["sealed"] not in response.text


def test_what_is_no_setting_of_the_kind_is_not_told(client: Client) -> None:
    source = make_source(settings={"password": "typed into the wrong kind"})
    assert client.get(f"{SOURCES}{source.pk}/").json()["settings"] == {}


def test_a_source_tells_how_it_fares(client: Client) -> None:
    source = make_source(events=7, rejected=1)
    now = timezone.now()
    source.receivers.create(host="a", heard_at=now, started_at=now, rate=2.5, refused={"unknown sender": 3})
    source.receivers.create(host="b", heard_at=now - timedelta(hours=1), started_at=now)
    (told,) = client.get(f"{SOURCES}?proxy=kam1").json()["results"]
    assert (told["events"], told["rejected"], told["last_event_at"]) == (7, 1, None)
    assert [(one["host"], one["well"], one["refused"]) for one in told["receivers"]] == [
        ("a", True, {"unknown sender": 3}),
        ("b", False, {}),
    ]


def test_the_pages_give_every_source_once(client: Client) -> None:
    made = [make_source(name=str(number)).pk for number in range(5)]
    seen, address = [], f"{SOURCES}?limit=2"
    while address:
        page = client.get(address).json()
        seen += [source["id"] for source in page["results"]]
        address = page["next"]
    assert seen == made


def test_sources_of_other_proxies_are_out_of_reach(client: Client) -> None:
    source = make_source()
    ProxyLimit.objects.create(user=User.objects.get())
    assert client.get(SOURCES).json()["results"] == []
    assert client.get(f"{SOURCES}{source.pk}/").status_code == 404
    assert client.get(f"{SOURCES}?proxy=kam1").json()["fields"].keys() == {"proxy"}


def test_a_proxy_that_there_is_not_is_named(client: Client) -> None:
    make_proxy()
    assert "kam7" in client.get(f"{SOURCES}?proxy=kam7").json()["error"]


@pytest.mark.parametrize("after", ["x", "-1", "9" * 30, "0" * 5000 + "1", "٣"])
def test_a_place_that_is_none_is_refused(after: str, client: Client) -> None:
    assert client.get(SOURCES, {"after": after}).json()["fields"].keys() == {"after"}
