from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from cdr.models import Source
from tests.factories import make_proxy, make_source

pytestmark = pytest.mark.django_db


def test_a_source_belongs_to_a_proxy_and_has_the_name_of_its_kind() -> None:
    make_proxy()
    call_command("source", "add", "--proxy", "kam1", "--kind", "mirror", stdout=StringIO())
    source = Source.objects.get()
    assert (str(source), source.kind, source.enabled) == ("kam1/mirror", Source.Kind.MIRROR, True)


def test_an_unknown_kind_is_refused_with_those_there_are() -> None:
    make_proxy()
    with pytest.raises(CommandError, match="no kind 'carrier-pigeon'; use import or mirror") as refusal:
        call_command("source", "add", "--proxy", "kam1", "--kind", "carrier-pigeon")
    assert refusal.value.returncode == 2


def test_an_unknown_proxy_is_refused() -> None:
    with pytest.raises(CommandError, match=r"no proxy 'kam9' \(known: none\)"):
        call_command("source", "add", "--proxy", "kam9", "--kind", "mirror")


def test_a_second_source_of_the_same_name_is_refused() -> None:
    make_source(name="mirror", kind=Source.Kind.MIRROR)
    with pytest.raises(CommandError) as refusal:
        call_command("source", "add", "--proxy", "kam1", "--kind", "mirror")
    assert "\n" not in str(refusal.value)
    assert Source.objects.count() == 1


def test_the_list_shows_what_came_through_each_source() -> None:
    make_source(events=7, rejected=1, error="connection refused\nand more")
    out = StringIO()
    call_command("source", "list", stdout=out)
    assert out.getvalue() == (
        "kam1/import  import  7 events  0 duplicates  1 rejected  0 ignored  last received never  "
        "error: connection refused\n"
    )
