"""Keys as the vault keeps them: what belongs to the account, what belongs to its app."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dashboard.accounts.connections import Connection
from shenava.channels import Unauthorised
from shenava.channels.instagram import Login, Token
from shenava.channels.x import Credentials, OAuth1, OAuth2
from shenava.vault import Vault, VaultError


def packed(connection: Connection, *, simulated: bool) -> dict[str, str]:
    """What is kept with the account; what belongs to the app is kept there."""
    flags = {
        "simulated": simulated,
        "other_app": not connection.owns_app,
        "long_posts": connection.long_posts,
    }
    told = {name: "yes" for name, holds in flags.items() if holds}
    if isinstance(connection.credentials, Token):
        return told | packed_token(connection.credentials)
    return told | packed_tokens(connection.credentials)


def packed_token(token: Token) -> dict[str, str]:
    told = {
        "access_token": token.access_token,
        "login": token.login.value,
        "expires_at": token.expires_at.isoformat() if token.expires_at else "",
        "issued_at": token.issued_at.isoformat() if token.issued_at else "",
        "scopes": " ".join(sorted(token.scopes)),
    }
    return {name: value for name, value in told.items() if value}


def unpacked_token(app: Mapping[str, str], own: Mapping[str, str]) -> Token:
    """Raises ``Unauthorised`` when a part is missing."""
    try:
        ends, made = own.get("expires_at"), own.get("issued_at")
        return Token(
            own["access_token"],
            Login(own["login"]),
            app.get("app_id", ""),
            app.get("app_secret"),
            datetime.fromisoformat(ends) if ends else None,
            datetime.fromisoformat(made) if made else None,
            frozenset(own.get("scopes", "").split()),
        )
    except (KeyError, ValueError):
        raise Unauthorised("a part of the stored keys is missing; connect again") from None


def packed_tokens(credentials: Credentials) -> dict[str, str]:
    if isinstance(credentials, OAuth1):
        return {"token": credentials.token, "token_secret": credentials.token_secret}
    told = {
        "access_token": credentials.access_token,
        "expires_at": credentials.expires_at.isoformat(),
        "scopes": " ".join(sorted(credentials.scopes)),
    }
    if credentials.refresh_token is not None:
        told["refresh_token"] = credentials.refresh_token
    return told


def app_secrets(credentials: Credentials | Token) -> dict[str, str]:
    if isinstance(credentials, Token):
        secret = {"app_secret": credentials.app_secret} if credentials.app_secret else {}
        return ({"app_id": credentials.app_id} if credentials.app_id else {}) | secret
    if isinstance(credentials, OAuth1):
        return {
            "consumer_key": credentials.consumer_key,
            "consumer_secret": credentials.consumer_secret,
        }
    told = {"client_id": credentials.client_id}
    if credentials.client_secret is not None:
        told["client_secret"] = credentials.client_secret
    return told


def unpacked(app: Mapping[str, str], own: Mapping[str, str]) -> Credentials:
    """Raises ``Unauthorised`` when a part is missing."""
    try:
        if "token" in own:
            return OAuth1(
                app["consumer_key"], app["consumer_secret"], own["token"], own["token_secret"]
            )
        return OAuth2(
            access_token=own["access_token"],
            expires_at=datetime.fromisoformat(own["expires_at"]),
            client_id=app["client_id"],
            refresh_token=own.get("refresh_token"),
            client_secret=app.get("client_secret"),
            scopes=frozenset(own.get("scopes", "").split()),
        )
    except (KeyError, ValueError):
        raise Unauthorised("a part of the stored keys is missing; connect again") from None


def warns_at(credentials: Credentials | Token) -> datetime | None:
    """When a person has to do something: never, where tokens can be renewed at any time."""
    if isinstance(credentials, Token):
        # Renewed a month ahead: who is warned of this end has seen that fail for weeks.
        return credentials.expires_at
    if isinstance(credentials, OAuth2) and credentials.refresh_token is None:
        return credentials.expires_at
    return None


def opened(vault: Vault, locked: bytes) -> dict[str, str]:
    try:
        return vault.open(locked)
    except VaultError as error:
        raise Unauthorised(str(error)) from None
