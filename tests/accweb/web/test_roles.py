from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission

from accweb.web.roles import ANALYST, OPERATOR, ROLES, VIEWER

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ROLES)
def test_a_new_installation_has_the_group_with_its_permissions(name: str) -> None:
    found = Group.objects.get(name=name).permissions.select_related("content_type")
    assert {f"{one.content_type.app_label}.{one.codename}" for one in found} == ROLES[name]


def test_every_permission_of_the_roles_exists() -> None:
    known = {
        f"{one.content_type.app_label}.{one.codename}" for one in Permission.objects.select_related("content_type")
    }
    assert frozenset().union(*ROLES.values()) <= known


def test_full_numbers_and_exports_are_the_analysts_alone_below_the_administrator() -> None:
    for permission in ("cdr.view_numbers", "cdr.export_call"):
        assert permission in ROLES[ANALYST]
        assert permission not in ROLES[VIEWER] | ROLES[OPERATOR]
