"""Passwords: argon2id, with one rule that a person can keep."""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dashboard.i18n import Lazy, lazy

MIN_LENGTH = 10
MAX_LENGTH = 200
"""Letters. Longer ones would only keep the processor busy."""

# 19 MiB and two passes for each check: what a small server bears when many sign in at once, and
# one of the equally strong settings that OWASP's password storage cheat sheet gives.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hashed(password: str) -> str:
    """What to keep of ``password``."""
    return _hasher.hash(_typed(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether ``password`` is the one that ``kept`` was made of.

    Without a kept one the answer is no, after as much work, so that the time an answer takes
    does not tell which addresses are known.
    """
    try:
        right = _hasher.verify(kept or _nobodys(), _typed(password))
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None


def is_outdated(kept: str) -> bool:
    """Whether ``kept`` was made with other parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def objection(password: str, email: str) -> Lazy | None:
    """Why ``password`` cannot be that of ``email``, in words; ``None`` when it can."""
    plain = _typed(password)
    if len(plain) < MIN_LENGTH:
        return lazy("At least 10 characters, please. A short sentence is easy to remember.")
    if len(plain) > MAX_LENGTH:
        return lazy("At most 200 characters, please.")
    if plain.strip().casefold() == email.strip().casefold():
        return lazy("Your password cannot be your e-mail address.")
    return None


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody has this password")


def _typed(password: str) -> str:
    # Keyboards differ in which code points they send for the same key.
    return unicodedata.normalize("NFKC", password)
