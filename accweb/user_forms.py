"""The forms of a user: the role, the proxies and the account; single permissions come last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.models import Group, User
from django.utils.translation import gettext_lazy as _
from unfold.forms import UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminRadioSelectWidget

from accweb.granting import grantable_groups
from accweb.web.roles import ADMINISTRATOR, ANALYST, OPERATOR, VIEWER
from proxyconf.models import Proxy, ProxyLimit
from proxyconf.models.reach import proxies_for

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

ALL, SOME = "all", "some"
_ABOUT_ROLES = {
    VIEWER: _("Viewer: sees calls; numbers are masked"),
    ANALYST: _("Analyst: sees full numbers, exports calls, writes notes and sets end times"),
    OPERATOR: _("Operator: configures proxies and sources; numbers are masked"),
    ADMINISTRATOR: _("Administrator: may do everything and manages users; sees full numbers"),
}


class RolesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # it takes none when it runs
    """Groups, the predefined ones with what they may do."""

    def label_from_instance(self, obj: Any) -> Any:
        return _ABOUT_ROLES.get(obj.name, obj.name)


class AccessFields(forms.Form):
    """What a user may see: the groups, and all proxies or some of them."""

    limit_of_manager: ProxyLimit | None = None

    groups = RolesField(
        label=_("Role"),
        queryset=Group.objects.none(),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("A user with several roles has the permissions of all of them."),
    )
    reach = forms.ChoiceField(
        label=_("Proxies"),
        choices=[(ALL, _("All proxies")), (SOME, _("Only the proxies below"))],
        required=False,  # a script that leaves it out changes nothing
        widget=UnfoldAdminRadioSelectWidget,
        help_text=_("The user sees calls, sources and configurations of these proxies."),
    )
    proxies = forms.ModelMultipleChoiceField(
        label=_("Selected proxies"),
        queryset=Proxy.objects.none(),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def restrict(self, manager: AbstractBaseUser | AnonymousUser, user: User | None) -> None:
        """Offer what ``manager`` may grant to ``user`` (``None``: a new one), and show what the user has."""
        self.fields["groups"].queryset = grantable_groups(manager)  # type: ignore[attr-defined]
        self.fields["groups"].required = user is None
        if user is not None and user.pk == manager.pk and not getattr(manager, "is_superuser", False):
            del self.fields["reach"], self.fields["proxies"]  # nobody may change their own limit
            return
        self.fields["proxies"].queryset = proxies_for(manager).order_by("name")  # type: ignore[attr-defined]
        self.limit_of_manager = ProxyLimit.objects.filter(user=manager.pk).first()
        limited = self.limit_of_manager is not None
        if limited:
            self.fields["reach"].choices = [(SOME, _("Only the proxies below"))]  # type: ignore[attr-defined]
        limit = ProxyLimit.objects.filter(user=user).first() if user is not None else None
        self.fields["reach"].initial = SOME if limited or limit else ALL
        self.fields["proxies"].initial = limit.proxies.all() if limit else proxies_for(manager) if limited else []

    def store_reach(self, user: User, *, is_new: bool) -> None:
        """Store which proxies ``user`` may see. Who has a limit cannot create users who see more."""
        reach = self.cleaned_data.get("reach")
        if reach == ALL:
            ProxyLimit.objects.filter(user=user).delete()
        elif reach == SOME or (is_new and self.limit_of_manager):
            limit, _created = ProxyLimit.objects.get_or_create(user=user)
            chosen = self.cleaned_data["proxies"] if reach == SOME else self.fields["proxies"].queryset  # type: ignore[attr-defined]
            limit.proxies.set(chosen)


class ChangeUserForm(AccessFields, UserChangeForm):  # type: ignore[misc]  # unfold has no types
    """A user who is there already."""


class NewUserForm(AccessFields, UserCreationForm):  # type: ignore[misc]  # unfold has no types
    """A new user, who needs a role: without one nobody sees anything."""
