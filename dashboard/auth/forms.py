"""Forms of signing in, and of choosing a password."""

from __future__ import annotations

from dashboard.auth.passwords import objection
from dashboard.forms import (
    Field,
    Form,
    PasswordField,
    StringField,
    ValidationError,
    check_email,
    check_name,
    fold_email,
    trim,
)


class SignInForm(Form):
    email = StringField(filters=[fold_email])
    password = PasswordField()


class NewPasswordForm(Form):
    """``email_of`` is whose password it is to be; it cannot be the password."""

    password = PasswordField()
    email_of: str = ""

    def validate_password(self, field: Field) -> None:
        against = self.email_of or (self.email.data if "email" in self else "") or ""
        reason = objection(field.data or "", against)
        if reason:
            raise ValidationError(reason)


class FirstAdminForm(NewPasswordForm):
    name = StringField(filters=[trim], validators=[check_name])
    email = StringField(filters=[fold_email], validators=[check_email])


class JoinForm(NewPasswordForm):
    """Accepting an invitation: the name may be put right."""

    name = StringField(filters=[trim], validators=[check_name])
