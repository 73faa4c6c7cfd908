"""Who reads the page, and how they like it: language, calendar, theme, density."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from flask import Request, g, request
from flask_login import AnonymousUserMixin, current_user

from config.settings import Calendar, Settings, UiLanguage
from dashboard.auth.person import Person
from dashboard.context import desk

_Choice = TypeVar("_Choice", UiLanguage, Calendar)

LANGUAGE_COOKIE = "shenava_language"
THEMES = ("system", "light", "dark")
DENSITIES = ("comfortable", "compact")


@dataclass(frozen=True, slots=True)
class Reader:
    """How the present page is to be shown."""

    language: UiLanguage
    calendar: Calendar
    theme: str
    density: str

    @property
    def direction(self) -> str:
        """``rtl`` or ``ltr``, as the ``dir`` attribute takes it."""
        return direction_of(self.language)


_addressed: ContextVar[Reader | None] = ContextVar("addressed", default=None)


@contextmanager
def speaking_to(one: Reader) -> Iterator[None]:
    """Within the block ``one`` is the reader: for words that no request asked for, such as mail."""
    token = _addressed.set(one)
    try:
        yield
    finally:
        _addressed.reset(token)


def direction_of(language: UiLanguage) -> str:
    """The direction in which ``language`` is written."""
    return "ltr" if language is UiLanguage.EN else "rtl"


def me() -> Person:
    """The person who is signed in. Only for views that ask for a sign-in, as all but the public
    ones do."""
    person: Person = current_user._get_current_object()
    return person


def person_or_none() -> Person | None:
    """The person who is signed in, or ``None`` before the sign-in."""
    return me() if current_user.is_authenticated else None


def reader() -> Reader:
    """The reader of the present request; worked out once."""
    addressed = _addressed.get()
    if addressed is not None:
        return addressed
    if "reader" not in g:
        g.reader = _reader(person_or_none(), request, desk().settings)
    found: Reader = g.reader
    return found


def forget_reader() -> None:
    """Work the reader out again: after a choice of language or a sign-in in this request."""
    g.pop("reader", None)


def assume_nobody() -> None:
    """Show the rest of this request as to a stranger: for when the database cannot be asked."""
    g._login_user = AnonymousUserMixin()
    forget_reader()


def _reader(person: Person | None, asked: Request, settings: Settings) -> Reader:
    return Reader(
        language=_language(person, asked, settings),
        calendar=_one_of(Calendar, person.calendar if person else None) or settings.calendar,
        theme=(person.theme if person else None) or "system",
        density=(person.density if person else None) or "comfortable",
    )


def _language(person: Person | None, asked: Request, settings: Settings) -> UiLanguage:
    chosen = _one_of(UiLanguage, person.language if person else None)
    chosen = chosen or _one_of(UiLanguage, asked.cookies.get(LANGUAGE_COOKIE))
    if chosen is None and person is None:
        # Before the sign-in nothing is known of the reader but what the browser says.
        offered = asked.accept_languages.best_match([member.value for member in UiLanguage])
        chosen = _one_of(UiLanguage, offered)
    return chosen or settings.language


def reader_of(language: str | None, calendar: str | None, settings: Settings) -> Reader:
    """The reader that someone is, by what their row says they have chosen."""
    return Reader(
        language=_one_of(UiLanguage, language) or settings.language,
        calendar=_one_of(Calendar, calendar) or settings.calendar,
        theme="system",
        density="comfortable",
    )


def _one_of(enum: type[_Choice], value: str | None) -> _Choice | None:
    try:
        return enum(value) if value else None
    except ValueError:
        return None
