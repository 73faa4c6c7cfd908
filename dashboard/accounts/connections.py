"""What the pages ask of whoever speaks to platforms: the dashboard itself never does.

The service hands an implementation to ``create_app`` (:mod:`service.connecting`). Keys pass through
here on their way from a form to the vault; nothing here keeps or shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, cast

from flask import current_app

from shenava.channels import ChannelError, Profile
from shenava.channels.instagram import Token
from shenava.channels.instagram.oauth import Authorisation as Question
from shenava.channels.x import Credentials
from shenava.channels.x.oauth import Authorisation
from shenava.messages import Platform, Source

EXTENSION = "shenava_connections"


class NoBudget(ChannelError):
    """The app's own limit of the month leaves no room for asking the platform."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An account whose keys were tested: whose they are, and what its owner says of it.

    Of X: ``owns_app``: the account is the owner of the developer app, so that its own data is
    cheap. ``long_posts``: it has Premium.
    """

    app_name: str
    credentials: Credentials | Token = field(repr=False)
    profile: Profile
    owns_app: bool = True
    long_posts: bool = False

    @property
    def platform(self) -> Platform:
        return Platform.INSTAGRAM if isinstance(self.credentials, Token) else Platform.X


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

    def simulated(self, platform: Platform) -> bool:
        """Whether a platform is a rehearsal here."""

    def try_keys(self, app_name: str, credentials: Credentials | Token) -> Profile:
        """Whose keys these are. On X it costs a user read of the app. Raises ``ChannelError``."""

    def dated(self, token: Token) -> Token:
        """A token that somebody pasted, with when it ends: renewed for that where it is old
        enough. Raises ``ChannelError``."""

    def begin_instagram(self, app_id: str, redirect_uri: str) -> Question:
        """What to ask the person at Instagram. Asks nobody."""

    def exchange_instagram(
        self, *, app_id: str, app_secret: str, redirect_uri: str, code: str
    ) -> Token:
        """The token for a code of Instagram. Raises ``ChannelError``."""

    def begin(self, client_id: str, redirect_uri: str) -> Authorisation:
        """What to ask the person at X, and what to keep until they are back. Asks nobody."""

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
