"""Every stored event has its source and its proxy, whatever is deleted meanwhile."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from cdr.models import Event, Pending, Source
from cdr.storage.ingest import Storing, store
from proxyconf.models import Proxy
from tests.background import in_background, wait_until_blocked
from tests.cdr.calls.correlating import NOON, START
from tests.factories import make_proxy, make_source
from tests.servers import PATIENCE


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", [Source, Proxy])
def test_source_and_proxy_stay_while_there_are_events_of_them(model: type[Source | Proxy]) -> None:
    source = make_source()
    store(source, [START], format="syslog")
    with pytest.raises(IntegrityError):
        model.objects.filter(pk=source.pk if model is Source else source.proxy_id)._raw_delete(using="default")
    assert Event.objects.get().proxy == source.proxy


@pytest.mark.django_db(transaction=True)
def test_events_of_a_source_that_is_gone_are_not_stored() -> None:
    source = make_source()
    Source.objects.filter(pk=source.pk).delete()
    with pytest.raises(IntegrityError):
        store(source, [START], format="syslog")
    assert not Event.objects.exists()
    assert not Pending.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_events_of_a_proxy_that_is_gone_are_not_stored() -> None:
    source, other = make_source(), make_proxy("kam2")
    Source.objects.filter(pk=source.pk).update(proxy=other)
    Proxy.objects.filter(pk=source.proxy_id).delete()
    with pytest.raises(IntegrityError):
        store(source, [START], format="syslog")
    assert not Event.objects.exists()


if connection.vendor == "postgresql":

    @pytest.mark.django_db(transaction=True)
    def test_a_source_cannot_be_deleted_between_its_events_and_their_commit() -> None:
        source = make_source()
        with transaction.atomic():
            store(source, [START], format="syslog")
            deleting = in_background(Source.objects.filter(pk=source.pk)._raw_delete, using="default")
            wait_until_blocked()

        with pytest.raises(IntegrityError):
            deleting.result(PATIENCE)
        assert Event.objects.get().source == source

    @pytest.mark.django_db(transaction=True)
    def test_what_is_sent_for_a_source_that_is_gone_is_not_stored() -> None:
        source = make_source()
        Source.objects.filter(pk=source.pk).delete()
        storing = Storing()
        storing.add(source, [START], NOON)
        storing.start()
        assert storing.finish() is None
        assert not Event.objects.exists()
