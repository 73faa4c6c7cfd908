"""Forms of the accounts, and the reading of what people type into them."""

from __future__ import annotations

import re
import unicodedata

from wtforms import BooleanField  # type: ignore[import-untyped]

from dashboard.forms import Field, Form, PasswordField, StringField, ValidationError, trim
from dashboard.i18n import Lazy, lazy
from shenava.channels.x import query_of

# Header values: what a key of X is made of. A blank or a mark of direction comes from copying.
_KEY = re.compile(r"[\x21-\x7e]{1,1000}")
_MAX_NAME = 80
_MAX_MONEY = 100_000
_MAX_READS = 10_000_000
_MAX_TERM = 100

SEARCHES = 10
"""Searches of one account at most."""


def check_key(_form: Form, field: Field) -> None:
    """Refuse what cannot be a key, without repeating it."""
    if not _KEY.fullmatch(field.data or ""):
        raise ValidationError(
            lazy("This cannot be a key: copy it again, whole and without anything else.")
        )


def check_key_or_none(form: Form, field: Field) -> None:
    if field.data:
        check_key(form, field)


def check_app_name(_form: Form, field: Field) -> None:
    value = field.data or ""
    if not value:
        raise ValidationError(lazy("Please enter a name."))
    if len(value) > _MAX_NAME or not value.isprintable():
        raise ValidationError(lazy("At most 80 ordinary characters, please."))


class _Connect(Form):
    app_name = StringField(filters=[trim], validators=[check_app_name], default="X app")
    owns_app = BooleanField()
    long_posts = BooleanField()


class KeysForm(_Connect):
    """The four keys of OAuth 1.0a."""

    consumer_key = PasswordField(filters=[trim], validators=[check_key])
    consumer_secret = PasswordField(filters=[trim], validators=[check_key])
    token = PasswordField(filters=[trim], validators=[check_key])
    token_secret = PasswordField(filters=[trim], validators=[check_key])


class ClientForm(_Connect):
    """OAuth 2.0; a public client has no secret."""

    client_id = StringField(filters=[trim], validators=[check_key])
    client_secret = PasswordField(filters=[trim], validators=[check_key_or_none])


class TokenForm(Form):
    """A token of Instagram, or of the Facebook page that the account is linked to."""

    app_name = StringField(filters=[trim], validators=[check_app_name], default="Instagram app")
    token = PasswordField(filters=[trim], validators=[check_key])
    app_secret = PasswordField(filters=[trim], validators=[check_key_or_none])


class InstagramAppForm(Form):
    """Business Login for Instagram."""

    app_name = StringField(filters=[trim], validators=[check_app_name], default="Instagram app")
    app_id = StringField(filters=[trim], validators=[check_key])
    app_secret = PasswordField(filters=[trim], validators=[check_key])


def check_money(_form: Form, field: Field) -> None:
    try:
        money_of(field.data)
    except ValueError:
        raise ValidationError(
            lazy("Write an amount in US dollars, as 25 or 12.50; nothing for no limit.")
        ) from None


def check_reads(_form: Form, field: Field) -> None:
    try:
        count_of(field.data)
    except ValueError:
        raise ValidationError(
            lazy("Write a whole number up to ten million; nothing for no limit.")
        ) from None


class LimitsForm(Form):
    money = StringField(filters=[trim], validators=[check_money])
    reads = StringField(filters=[trim], validators=[check_reads])


def plain(text: str) -> str:
    """Digits of any script as ASCII, with a dot for the decimal mark and nothing for groups."""
    return "".join(
        str(unicodedata.decimal(letter))
        if letter.isdecimal()
        else {"٫": ".", "٬": "", "$": "", " ": "", "\u00a0": "", "\u200f": "", "\u200e": ""}.get(
            letter, letter
        )
        for letter in text
    )


def money_of(text: str | None) -> int | None:
    """US dollars as people write them, in micros; ``None`` for nothing. Raises ``ValueError``."""
    told = plain(text or "")
    if not told:
        return None
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,2})?", told):
        raise ValueError
    whole, _dot, cents = told.partition(".")
    micros = int(whole) * 1_000_000 + int((cents + "00")[:2]) * 10_000
    if micros > _MAX_MONEY * 1_000_000:
        raise ValueError
    return micros


def count_of(text: str | None) -> int | None:
    """A whole number as people write it; ``None`` for nothing. Raises ``ValueError``."""
    told = plain(text or "").replace(",", "")
    if not told:
        return None
    if not re.fullmatch(r"[0-9]{1,8}", told) or int(told) > _MAX_READS:
        raise ValueError
    return int(told)


class SearchError(Exception):
    """A search that cannot be made; ``reason`` is a sentence for a person."""

    def __init__(self, reason: Lazy) -> None:
        super().__init__(reason.message)
        self.reason = reason


NO_WORD = lazy("A search needs a word of two letters at least.")
ODD_SIGN = lazy("A search is made of words, phrases and #hashtags only.")
TOO_LONG = lazy("This search is longer than X allows. Split it into two.")
TOO_MANY = lazy("At most 10 searches an account.")
LONG_WORD = lazy("A word or phrase in a search has 100 characters at most.")


def query_from(text: str, handle: str) -> str:
    """The search that a person wrote (words, phrases, hashtags, between commas), as X takes it.

    Raises :class:`SearchError`.
    """
    terms = [" ".join(term.split()) for term in re.split(r"[,،؛;·\n]", text)]
    # A hashtag of more than one word would be searched as a phrase that nobody writes.
    terms = [_tag(term) if term.startswith("#") else term for term in terms if term]
    if not terms or any(sum(map(str.isalnum, term)) < 2 for term in terms):
        raise SearchError(NO_WORD)
    if any(len(term) > _MAX_TERM for term in terms):
        raise SearchError(LONG_WORD)
    if any(not _is_sayable(term) for term in terms):
        raise SearchError(ODD_SIGN)
    try:
        return query_of(list(dict.fromkeys(terms)), handle)
    except ValueError:
        raise SearchError(TOO_LONG) from None


ONE_HASHTAG = lazy("One hashtag a line, please: letters, digits and _ only.")


def hashtag_from(text: str) -> str:
    """The hashtag that a person wrote, with its ``#``. Raises :class:`SearchError`."""
    word = _tag("#" + " ".join(text.split()).lstrip("#＃"))[1:]
    if not 1 < len(word) <= _MAX_TERM or not all(
        letter.isalnum() or letter == "_" or unicodedata.category(letter) in ("Mn", "Mc")
        for letter in word
    ):
        raise SearchError(ONE_HASHTAG)
    return f"#{word}"


def _tag(term: str) -> str:
    return "#" + term[1:].strip().replace(" ", "_").replace("\u200c", "_")


def _is_sayable(term: str) -> bool:
    """Letters, digits, marks, blanks, ZWNJ and a few signs that have no meaning in a search."""
    return all(
        letter.isalnum()
        or unicodedata.category(letter) in ("Mn", "Mc")
        or letter in " \u200c_-'’.&@!؟?"
        or (place == 0 and letter == "#")
        for place, letter in enumerate(term)
    )
