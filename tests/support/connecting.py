"""A dashboard whose X is a simulated one on loopback, with the real vault between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from config import Settings
from dashboard.app import create_app
from dashboard.context import Desk
from responder.policy import policy_of
from service.channels import Channels
from service.connecting import Connecting, kinds, open_vault
from shenava.store import Account, Store
from shenava.vault import Vault
from support.browser import Browser
from support.simulated_x import Place, simulated_x


@contextmanager
def at_simulated_x(settings: Settings, store: Store) -> Iterator[tuple[Place, Desk, Connecting]]:
    """A simulated X, and what the service makes of it. Its clock stands where tests begin."""
    with simulated_x() as place:
        there = settings.model_copy(update={"x_base_url": place.served.base_url})
        there.home.mkdir(parents=True, exist_ok=True)
        desk = Desk(store, there, policy_of(there))
        yield place, desk, Connecting(store, open_vault(there), there)


def app_of(desk: Desk, connecting: Connecting) -> Flask:
    app = create_app(desk, connections=connecting)
    app.test_client_class = Browser
    return app


def keys_of(place: Place) -> dict[str, str]:
    """The four keys that the console of the simulated X shows, as the form names them."""
    keys = place.served.credentials
    return {
        "consumer_key": keys.consumer_key,
        "consumer_secret": keys.consumer_secret,
        "token": keys.access_token,
        "token_secret": keys.access_token_secret,
    }


def channels_of(store: Store, settings: Settings) -> Channels:
    """As ``shenava run`` makes them."""
    vault = open_vault(settings)
    return Channels(store, vault, kinds(store, vault, settings))


def stored_keys(store: Store, vault: Vault, account_id: int) -> dict[str, str]:
    """What the vault holds for an account."""
    with store.read() as session:
        locked = session.get_one(Account, account_id).credentials
    assert locked is not None
    return vault.open(locked)
