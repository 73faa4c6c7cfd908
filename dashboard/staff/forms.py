"""Forms of the settings."""

from __future__ import annotations

from config.settings import Calendar, UiLanguage
from dashboard.auth.forms import NewPasswordForm
from dashboard.forms import (
    Form,
    PasswordField,
    StringField,
    check_email,
    check_name,
    fold_email,
    one_of,
    trim,
)
from dashboard.reader import DENSITIES, THEMES
from shenava.store import Role


class ProfileForm(Form):
    name = StringField(filters=[trim], validators=[check_name])
    language = StringField(validators=[one_of(UiLanguage)])
    calendar = StringField(validators=[one_of(Calendar)])
    theme = StringField(validators=[one_of(THEMES)])
    density = StringField(validators=[one_of(DENSITIES)])
    report_mail = StringField(validators=[one_of(("shop", "yes", "no"))], default="shop")


class ThemeForm(Form):
    theme = StringField(validators=[one_of(THEMES)])


class ChangePasswordForm(NewPasswordForm):
    """``password`` is the new one."""

    present = PasswordField()


class InviteForm(Form):
    name = StringField(filters=[trim], validators=[check_name])
    email = StringField(filters=[fold_email], validators=[check_email])
    role = StringField(validators=[one_of(Role)], default=Role.AGENT.value)


class RoleForm(Form):
    role = StringField(validators=[one_of(Role)])
