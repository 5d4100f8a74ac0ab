"""Which users and groups a user may manage: nobody can grant permissions that they do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q, QuerySet

from proxyconf.models.reach import within_reach

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    Person = AbstractBaseUser | AnonymousUser | User


def held_permissions(user: Person) -> QuerySet[Permission]:
    """Return the permissions of a user, even if inactive; a superuser has all."""
    if getattr(user, "is_superuser", False):
        return Permission.objects.all()
    return Permission.objects.filter(Q(user=user.pk) | Q(group__user=user.pk)).distinct()


def grantable_groups(user: Person) -> QuerySet[Group]:
    """Return the groups all of whose permissions the user has."""
    lacking = Permission.objects.exclude(pk__in=held_permissions(user).values("pk"))
    return Group.objects.exclude(permissions__in=lacking)


def may_manage_user(manager: Person, user: User) -> bool:
    """Return whether the manager has all permissions of the user, as whom they could log in with a new password."""
    if getattr(manager, "is_superuser", False):
        return True
    if user.is_superuser or held_permissions(user).exclude(pk__in=held_permissions(manager).values("pk")).exists():
        return False
    limit, limit_of_user = within_reach(manager), within_reach(user)
    return limit is None or (limit_of_user is not None and limit_of_user <= limit)


def may_manage_group(manager: Person, group: Group) -> bool:
    return grantable_groups(manager).filter(pk=group.pk).exists()
