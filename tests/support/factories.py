"""Makers of what goes in: messages with everything that a test does not care about filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shenava.messages import (
    AccountRef,
    Author,
    Incoming,
    MessageKind,
    Platform,
    PostRef,
    Source,
)

START = datetime(2026, 1, 3, 6, 30, tzinfo=UTC)
"""A Saturday, 10:00 in Tehran: where the clock of tests stands when they begin."""

SHOP = AccountRef(Platform.X, "digikala")
SHOP_TELEGRAM = AccountRef(Platform.TELEGRAM, "digikala_support")


def incoming(
    key: str = "1",
    text: str = "سلام، سفارش من کی می‌رسد؟",
    *,
    author: str | Author = "sara",
    account: AccountRef = SHOP,
    kind: MessageKind = MessageKind.MENTION,
    written_at: datetime | None = None,
    minutes_ago: float = 10,
    source: Source = Source.MENTION,
    scope: str = "",
    post: str | PostRef | None = None,
    reply_to_key: str | None = None,
    permalink: str | None = None,
    historic: bool = False,
) -> Incoming:
    """One message. ``author`` may be a handle, which then is the native id too; ``post`` a key.
    Written ``minutes_ago`` before :data:`START` unless ``written_at`` says when."""
    return Incoming(
        account=account,
        native_key=key,
        kind=kind,
        author=author if isinstance(author, Author) else Author(f"id-{author}", author),
        text=text,
        written_at=written_at or START - timedelta(minutes=minutes_ago),
        source=source,
        scope=scope,
        post=PostRef(post) if isinstance(post, str) else post,
        reply_to_key=reply_to_key,
        permalink=permalink,
        historic=historic,
    )


def many(
    number: int, *, authors: int = 7, first: int = 0, historic: bool = False
) -> list[Incoming]:
    """So many different messages, by ``authors`` people, a minute apart, the last just now."""
    return [
        incoming(
            f"m{n}",
            _TEXTS[n % len(_TEXTS)].format(n),
            author=f"user{n % authors}",
            minutes_ago=first + number - n,
            historic=historic,
        )
        for n in range(first, first + number)
    ]


_TEXTS = (
    "پول کم شد ولی سفارش {} ثبت نشد!! فوری",
    "my order {} is late, this is a complaint",
    "شكرا جزيلا على الطلب {}",
    "قیمت {} چند است؟",
    "thanks for {} 🌹",
    "مرسوله {} اشتباه ارسال شده و پاسخگو نیستید، شکایت می‌کنم",
)
