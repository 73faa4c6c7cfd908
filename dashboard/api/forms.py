"""The form of a new token."""

from __future__ import annotations

from wtforms import SelectMultipleField  # type: ignore[import-untyped]

from dashboard.forms import Field, Form, StringField, ValidationError, check_name, one_of, trim
from dashboard.i18n import lazy
from shenava.store import Scope

DAYS = ("30", "90", "365", "")
"""For how many days a token may be good; empty: until it is revoked."""


class TokenForm(Form):
    name = StringField(filters=[trim], validators=[check_name])
    scopes = SelectMultipleField(
        choices=[scope.value for scope in Scope], validate_choice=False, validators=[]
    )
    days = StringField(default="90", validators=[one_of(DAYS)])

    def validate_scopes(self, field: Field) -> None:
        """At least one, and none that does not exist."""
        if not field.data or set(field.data) - {scope.value for scope in Scope}:
            raise ValidationError(lazy("Choose at least one thing that the token may do."))
