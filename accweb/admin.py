"""Admin of users, groups, proxy limits, API tokens and the audit log."""

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
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm
from unfold.widgets import UnfoldBooleanSwitchWidget

from accweb.granting import held_permissions, may_manage_group, may_manage_user
from accweb.identity.ending_sessions import remove_second_factors
from accweb.user_forms import ChangeUserForm, NewUserForm
from accweb.web.audit import Action, record
from accweb.web.models import ApiToken, AuditEntry, GroupPolicy
from cdr.admin.collected import CollectedAdmin
from cdr.display import clocks, markup

for _model in (User, Group, Authenticator, EmailAddress, SocialAccount, SocialApp, SocialToken, UserSession):
    admin.site.unregister(_model)  # the first two have better ones below; the rest is on people's own pages


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = ChangeUserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "member_of", "sees_proxies", "numbers", "last_name", "is_active", "last_login"]
    list_filter = ["groups", "is_active"]
    filter_horizontal = ["user_permissions"]
    actions = ["remove_second_factors"]
    _access = (_("Access"), {"fields": ("groups", "reach", "proxies")})
    _advanced = (
        _("Advanced"),
        {
            "classes": ["collapse"],
            "fields": ("is_staff", "is_superuser", "user_permissions", "last_login", "date_joined"),
            "description": _("Single permissions in addition to those of the role. Most users need none."),
        },
    )
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("username", "password", "is_active")}),
        _access,
        (_("Personal info"), {"fields": ("first_name", "last_name", "email")}),
        _advanced,
    )
    add_fieldsets = (*DjangoUserAdmin.add_fieldsets, _access)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)

        class RestrictedUserForm(form):  # type: ignore[misc, valid-type]
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                self.restrict(request.user, obj)

        return RestrictedUserForm

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or obj.pk != request.user.pk or request.user.is_superuser:
            return fieldsets
        own = (_("Access"), {"fields": ("groups",)})  # nobody may change their own limit
        return tuple(own if one is self._access else one for one in fieldsets)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else [*fields, "is_superuser"]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        return _only_held(field, request) if db_field.name == "user_permissions" else field

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_manage_user(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or may_manage_user(request.user, obj))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.is_staff = True  # required for every page, since all are in the admin's frame
        super().save_model(request, obj, form, change)
        form.store_reach(obj, is_new=not change)

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

    @admin.display(description=_("proxies"))
    def sees_proxies(self, user: User) -> str:
        limit = getattr(user, "proxy_limit", None)
        return (
            str(_("all")) if limit is None else ", ".join(proxy.name for proxy in limit.proxies.all()) or str(_("none"))
        )

    @admin.display(description=_("numbers"))
    def numbers(self, user: User) -> str:
        return str(_("full")) if user.has_perm("cdr.view_numbers") else str(_("masked"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups", "proxy_limit__proxies")


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


_ALLAUTH = ("account", "mfa", "socialaccount", "usersessions")


def _only_held(field: Any, request: HttpRequest) -> Any:
    """Restrict a field of permissions to those of the user, without those that no page asks for."""
    if field is not None:
        field.queryset = field.queryset.exclude(content_type__app_label__in=_ALLAUTH).filter(
            pk__in=held_permissions(request.user).values("pk")
        )
    return field


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """The tokens of all users, to view and revoke; users create their own on the page API tokens."""

    list_display = ["name", "user", "prefix", "permissions_text", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    fields = ["name", "user", "prefix", "permissions_text", "created_at", "expires_at", "last_used_at"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description=_("permissions"))
    def permissions_text(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)


@admin.register(AuditEntry)
class AuditEntryAdmin(CollectedAdmin):
    """The audit log, read-only, the newest entries first."""

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
