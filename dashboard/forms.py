"""What all forms share: their base, and the checks of what people type."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from flask_wtf import FlaskForm
from wtforms import (  # type: ignore[import-untyped]
    Field,
    PasswordField,
    StringField,
)
from wtforms.validators import ValidationError  # type: ignore[import-untyped]

from dashboard.i18n import lazy

__all__ = [
    "Field",
    "Form",
    "PasswordField",
    "StringField",
    "ValidationError",
    "check_email",
    "check_name",
    "fold_email",
    "one_of",
    "trim",
]

_EMAIL = re.compile(r"[^\s@<>\"(),;:\\]+@[^\s@<>\"(),;:\\]+\.[^\s@<>\"(),;:\\.]+")
_MAX_EMAIL = 254
_MAX_NAME = 200


class Form(FlaskForm):  # type: ignore[misc]
    """Base of all forms; the CSRF token is checked before any of them is looked at."""


def trim(value: str | None) -> str | None:
    """Without the spaces around it, and without NUL, which no database takes."""
    return value.replace("\x00", "").strip() if value else value


def fold_email(value: str | None) -> str | None:
    """A mail address as ``users.email`` keeps it."""
    trimmed = trim(value)
    return trimmed.lower() if trimmed else trimmed


def check_email(_form: Form, field: Field) -> None:
    """Refuse what cannot be a mail address. Whether it is one, only mail can tell."""
    value = field.data or ""
    if len(value) > _MAX_EMAIL or not _EMAIL.fullmatch(value):
        raise ValidationError(lazy("That does not look like an e-mail address."))


def check_name(_form: Form, field: Field) -> None:
    """Refuse no name, and one that does not fit its column."""
    value = field.data or ""
    if not value:
        raise ValidationError(lazy("Please enter a name."))
    if len(value) > _MAX_NAME:
        raise ValidationError(lazy("At most 200 characters, please."))


def one_of(values: Iterable[str]) -> Callable[[Form, Field], None]:
    """A check that refuses all but ``values``. No page offers anything else."""
    known = frozenset(values)

    def check(_form: Form, field: Field) -> None:
        if field.data not in known:
            raise ValidationError(lazy("Please choose one of the choices."))

    return check
