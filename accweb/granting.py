"""Nobody grants more than they hold: what a user may do to other users and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q, QuerySet

from proxyconf.models.reach import within_reach

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    Person = AbstractBaseUser | AnonymousUser | User


def held_permissions(user: Person) -> QuerySet[Permission]:
    """Return the permissions of a user, also of one who may not log in; a superuser has all."""
    if getattr(user, "is_superuser", False):
        return Permission.objects.all()
    return Permission.objects.filter(Q(user=user.pk) | Q(group__user=user.pk)).distinct()


def grantable_groups(user: Person) -> QuerySet[Group]:
    """Return the groups that have no permission which the user lacks."""
    beyond = Permission.objects.exclude(pk__in=held_permissions(user).values("pk"))
    return Group.objects.exclude(permissions__in=beyond)


def may_manage_user(manager: Person, user: User) -> bool:
    """Tell whether the manager holds all that the user holds: who may change someone's password may act as them."""
    if getattr(manager, "is_superuser", False):
        return True
    if user.is_superuser or held_permissions(user).exclude(pk__in=held_permissions(manager).values("pk")).exists():
        return False
    limit, limit_of_user = within_reach(manager), within_reach(user)
    return limit is None or (limit_of_user is not None and limit_of_user <= limit)


def may_manage_group(manager: Person, group: Group) -> bool:
    return grantable_groups(manager).filter(pk=group.pk).exists()
