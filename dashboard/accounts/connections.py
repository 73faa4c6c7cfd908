"""What the pages ask of whoever speaks to platforms: the dashboard itself never does.

The service hands an implementation to ``create_app`` (:mod:`service.connecting`). Keys pass through
here on their way from a form to the vault; nothing here keeps or shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, cast

from flask import current_app

from shenava.channels import ChannelError, Profile
from shenava.channels.x import Credentials
from shenava.channels.x.oauth import Authorisation
from shenava.messages import Source

EXTENSION = "shenava_connections"


class NoBudget(ChannelError):
    """The app's own limit of the month leaves no room for asking the platform."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An account whose keys were tested: whose they are, and what its owner says of it.

    ``owns_app``: the account is the owner of the developer app, so that its own data is cheap.
    ``long_posts``: it has Premium.
    """

    app_name: str
    credentials: Credentials = field(repr=False)
    profile: Profile
    owns_app: bool = True
    long_posts: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """What the stored keys of an account allow, and whether its own data is cheap."""

    sources: frozenset[Source]
    owns_app: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard stops of an app for one UTC month: millionths of a US dollar, resources read."""

    money_micros: int | None = None
    reads: int | None = None


class Connections(Protocol):
    """Asks platforms, and stores what must not be lost. Used by many threads."""

    @property
    def simulated(self) -> bool:
        """Whether X is a rehearsal here."""

    def try_keys(self, app_name: str, credentials: Credentials) -> Profile:
        """Whose keys these are. Costs a user read of the app. Raises ``ChannelError``."""

    def begin(self, client_id: str, redirect_uri: str) -> Authorisation:
        """What to ask the person, and what to keep until they are back. Asks nobody."""

    def exchange(
        self,
        *,
        client_id: str,
        client_secret: str | None,
        redirect_uri: str,
        code: str,
        verifier: str,
    ) -> Credentials:
        """The credentials for a code. Raises ``ChannelError``."""

    def save(self, connection: Connection, limits: Limits, by: int | None) -> int:
        """Store an account, its keys encrypted; returns its number. ``limits`` are for an app
        that is new. Reading of an account that was known goes on where it stopped."""

    def about(self, account_id: int) -> About:
        """What can be read from an account. Asks nobody. Raises ``Unauthorised``."""

    def test(self, account_id: int) -> Profile:
        """Ask the platform who an account is, with its stored keys. Raises ``ChannelError``."""


def connections() -> Connections | None:
    """Those of the application that answers the present request; ``None`` where there are none."""
    return cast("Connections | None", current_app.extensions.get(EXTENSION))
