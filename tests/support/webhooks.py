"""A shop on Instagram whose app gets webhooks, and bodies as Meta sends them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from shenava.channels import Channel, ChannelError, Unauthorised
from shenava.channels.instagram.webhook import sign
from shenava.channels.webhooks import Fetched, Pointer
from shenava.messages import AccountRef, Platform
from shenava.store import Account, AccountState, App, Store
from shenava.vault import Vault
from support.factories import START

SECRET = "an app's secret"
US = "17841400000000001"
SHOP = AccountRef(Platform.INSTAGRAM, "shop")


@dataclass(frozen=True, slots=True)
class InstagramShop:
    app_id: int
    account_id: int
    path: str


def instagram_shop(store: Store, home: Path, *, secret: str = SECRET) -> InstagramShop:
    """An app with its secret in the vault of ``home``, and a connected account."""
    home.mkdir(parents=True, exist_ok=True)
    vault = Vault(home / "vault.key")
    with store.write() as session:
        app = App(
            platform=Platform.INSTAGRAM,
            name="shop's app",
            secrets=vault.lock({"app_id": "7", "app_secret": secret}),
            created_at=START,
        )
        session.add(app)
        session.flush()
        account = Account(
            platform=Platform.INSTAGRAM,
            handle=SHOP.handle,
            created_at=START,
            app_id=app.id,
            native_id=US,
            state=AccountState.CONNECTED,
            credentials=vault.lock({"access_token": "t"}),
            connected_at=START,
        )
        session.add(account)
        session.flush()
        return InstagramShop(app.id, account.id, f"/webhooks/instagram/{app.id}")


def headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"Content-Type": "application/json", "X-Hub-Signature-256": sign(body, secret)}


# --- bodies ---------------------------------------------------------------------------------


def body(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"object": "instagram", "entry": list(entries)}).encode()


def entry(at: datetime = START, us: str = US, **content: Any) -> dict[str, Any]:
    return {"id": us, "time": int(at.timestamp()), **content}


def comment(
    key: str = "c1",
    text: str = "سفارش من نرسید!",
    *,
    author: str = "501",
    post: str = "m1",
    at: datetime = START,
    in_changes: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """An entry that tells of one comment."""
    value = {
        "id": key,
        "from": {"id": author, "username": f"user{author}"},
        "text": text,
        "media": {"id": post, "media_product_type": "FEED"},
        **more,
    }
    change = {"field": "comments", "value": value}
    return entry(at, changes=[change]) if in_changes else entry(at, **change)


def dm(
    mid: str = "d1",
    text: str | None = "کسی هست؟",
    *,
    author: str = "501",
    at: datetime = START,
    to: str = US,
    **message: Any,
) -> dict[str, Any]:
    """An entry that tells of one private message."""
    said = {"mid": mid, **({"text": text} if text is not None else {}), **message}
    return messaging({"message": said}, author=author, at=at, to=to)


def messaging(
    content: dict[str, Any], *, author: str = "501", at: datetime = START, to: str = US
) -> dict[str, Any]:
    millis = int(at.timestamp() * 1000)
    item = {"sender": {"id": author}, "recipient": {"id": to}, "timestamp": millis, **content}
    return {"id": US, "time": millis, "messaging": [item]}


# --- the account's channel ------------------------------------------------------------------


@dataclass
class Follower:
    """A channel that fetches what webhooks point to, as scripted; also what makes it."""

    found: dict[str, Fetched] = field(default_factory=dict)
    errors: Iterator[ChannelError] = field(default_factory=lambda: iter(()))
    asked: list[Pointer] = field(default_factory=list)
    ordered: frozenset[str] = frozenset({"comments", "messages"})
    connected: bool = True

    def connect(self, account_id: int, query: str = "") -> Channel:
        if not self.connected:
            raise Unauthorised("the account is not connected")
        return self  # type: ignore[return-value]

    def follow(self, pointer: Pointer) -> Fetched:
        self.asked.append(pointer)
        error = next(self.errors, None)
        if error is not None:
            raise error
        return self.found.get(pointer.key, Fetched())

    def subscribed(self) -> frozenset[str]:
        return self.ordered

    def subscribe(self) -> None:
        self.ordered = frozenset({"comments", "messages"})
