"""The signed-in person, as the pages see them: a snapshot of their row."""

from __future__ import annotations

from dataclasses import dataclass

from shenava.store import Role, User


@dataclass(frozen=True, slots=True)
class Person:
    """Read afresh for each request, so that a disabled person is out at once.

    The ``is_…`` and ``get_id`` members are what flask-login asks of a user.
    """

    id: int
    name: str
    email: str
    role: Role
    session_key: str
    language: str | None
    calendar: str | None
    theme: str | None
    density: str | None
    asks_first: bool
    """What they answer waits until somebody else approves it."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """What the session cookie keeps: who, and under which key of theirs."""
        return f"{self.id}.{self.session_key}"

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


def person_of(user: User) -> Person:
    """The snapshot of ``user``."""
    return Person(
        id=user.id,
        name=user.name,
        email=user.email,
        role=user.role,
        session_key=user.session_key,
        language=user.language,
        calendar=user.calendar,
        theme=user.theme,
        density=user.density,
        asks_first=user.approval_since is not None,
    )
