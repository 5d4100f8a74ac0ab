"""Users, groups, limits to proxies and the audit log, in the look of the rest."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db import models
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, StackedInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldBooleanSwitchWidget

from accweb.granting import grantable_groups, held_permissions, may_manage_group, may_manage_user
from accweb.identity.ending_sessions import remove_second_factors
from accweb.web.audit import Action, record
from accweb.web.models import ApiToken, AuditEntry, GroupPolicy
from cdr.admin.collected import CollectedAdmin
from cdr.display import clocks, markup
from proxyconf.models import ProxyLimit
from proxyconf.models.reach import proxies_for, within_reach

for _model in (User, Group, Authenticator, EmailAddress, SocialAccount, SocialApp, SocialToken, UserSession):
    admin.site.unregister(_model)  # the first two have better ones below; the rest is on people's own pages

_WHAT_GROUPS_MAY = _(
    "Viewers see calls with masked numbers. Analysts see full numbers, export calls, write notes and set "
    "end times. Operators configure proxies and sources and see masked numbers. Administrators may do "
    "everything and manage users. A user in several groups has the permissions of all of them. Without a "
    "proxy limit, a user sees the calls of all proxies."
)


class ProxyLimitInline(StackedInline):
    model = ProxyLimit
    # The admin's two lists are not set up in a form that is added to the page, and would be one bare list there.
    formfield_overrides: ClassVar = {models.ManyToManyField: {"widget": UnfoldAdminCheckboxSelectMultipleWidget}}
    extra = 0

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, queryset=proxies_for(request.user), **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let nobody who is limited lift the limit of somebody else."""
        return within_reach(request.user) is None and super().has_delete_permission(request, obj)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "member_of", "is_superuser", "is_active", "last_login"]
    inlines = [ProxyLimitInline]
    actions = ["remove_second_factors"]
    fieldsets = tuple(
        (title, {**shown, "description": _WHAT_GROUPS_MAY} if "groups" in shown["fields"] else shown)
        for title, shown in DjangoUserAdmin.fieldsets or ()
    )
    add_fieldsets = (*DjangoUserAdmin.add_fieldsets, (None, {"fields": ("groups",), "description": _WHAT_GROUPS_MAY}))

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        if obj is None or (not request.user.is_superuser and obj.pk == request.user.pk):
            return []  # who is new is limited on the next page; nobody lifts a limit of their own
        return self.inlines

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else [*fields, "is_superuser"]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["queryset"] = grantable_groups(request.user)
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        return _only_held(field, request) if db_field.name == "user_permissions" else field

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_manage_user(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or may_manage_user(request.user, obj))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.is_staff = True  # every page stands in the admin's frame: without it a new user could see none
        super().save_model(request, obj, form, change)
        limit = ProxyLimit.objects.filter(user_id=request.user.pk or 0).first()
        if not change and limit:  # who is limited makes no user who sees more
            ProxyLimit.objects.create(user=obj).proxies.set(limit.proxies.all())

    @admin.action(description=_("Remove second factors and end sessions"), permissions=["change"])
    def remove_second_factors(self, request: HttpRequest, users: Any) -> None:
        """Help who lost phone and recovery codes: the password alone is asked for at the next login."""
        for user in users:
            if not may_manage_user(request.user, user):
                messages.error(request, _("%(name)s has more permissions than you.") % {"name": user.get_username()})
                continue
            remove_second_factors(user)
            record(request, Action.DELETED, f"second factors of {user.get_username()}")
            messages.success(request, _("%(name)s has no second factor now.") % {"name": user.get_username()})

    @admin.display(description=_("groups"))
    def member_of(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")


class GroupForm(forms.ModelForm):
    second_factor = forms.BooleanField(
        label=_("Second factor required"),
        required=False,
        help_text=_("Members without one set it up at the next login, before anything else; their API tokens wait."),
        widget=UnfoldBooleanSwitchWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["second_factor"].initial = GroupPolicy.objects.filter(
            group=self.instance.pk, second_factor=True
        ).exists()


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    form = GroupForm

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        required = form.cleaned_data["second_factor"]
        GroupPolicy.objects.update_or_create(group=obj, defaults={"second_factor": required})

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        return _only_held(field, request) if request else field

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_manage_group(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or may_manage_group(request.user, obj))


def _only_held(field: Any, request: HttpRequest) -> Any:
    """Leave in a field of permissions those that the user holds."""
    if field is not None:
        field.queryset = field.queryset.filter(pk__in=held_permissions(request.user).values("pk"))
    return field


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """Everybody's tokens, to see and to revoke; each makes the own ones on the account's page."""

    list_display = ["name", "user", "prefix", "told_scopes", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    fields = ["name", "user", "prefix", "told_scopes", "created_at", "expires_at", "last_used_at"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description=_("permissions"))
    def told_scopes(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)


@admin.register(AuditEntry)
class AuditEntryAdmin(CollectedAdmin):
    """Who saw, exported, changed and settled what, newest first; nobody changes it."""

    list_display = ["when", "who", "action", "about", "address"]
    list_filter = ["action"]
    search_fields = ["username", "target"]
    search_help_text = _("Search by username or object")
    ordering = ["-at", "-id"]
    fields = ["when", "who", "address", "action", "about", "details"]
    readonly_fields = fields

    @admin.display(description=_("time"), ordering="at")
    def when(self, entry: AuditEntry) -> SafeString:
        return clocks.moment(entry.at)

    @admin.display(description=_("username"), ordering="username")
    def who(self, entry: AuditEntry) -> SafeString:
        return markup.visible(entry.username)

    @admin.display(description=_("action"))
    def about(self, entry: AuditEntry) -> SafeString:
        return markup.visible(entry.target, 120)

    @admin.display(description=_("details"))
    def details(self, entry: AuditEntry) -> SafeString:
        return markup.visible_lines(json.dumps(entry.detail, ensure_ascii=False, indent=2))
