"""Small worlds of messages, with all that has ever made an import trip, for hypothesis to draw."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from shenava.messages import (
    AccountRef,
    Author,
    Incoming,
    MediaKind,
    MediaRef,
    MessageKind,
    Platform,
    PostRef,
    Source,
)
from support.factories import SHOP, START, incoming

OTHER_SHOP = AccountRef(Platform.X, "digikala_care")
"""Another account of the shop on the same platform, through which a message may be seen too."""

_TELEGRAM = AccountRef(Platform.TELEGRAM, "digikala_bot")

_TEXTS = (
    "پول کم شد و سفارش ثبت نشد! فوری",
    "this is a complaint, urgent",
    "perhaps a complaint? thanks",
    "buy followers now",
    "شكرا",
    "🌹",
    "می‌شود قیمت را بگویید؟",
    "cut off\x00 here \ud83d",
    "",
)


@st.composite
def _authors(draw: st.DrawFn) -> Author:
    """One of four people; what is known of them differs from message to message."""
    person = draw(st.integers(0, 3))
    if person == 0:  # known by handle only, in capitals or not
        return Author(None, draw(st.sampled_from(["Sara", "sara"])))
    return Author(
        f"id{person}",
        draw(st.sampled_from([None, f"user{person}", f"renamed{person}"])),
        draw(st.sampled_from([None, "Ali", "علی"])),
        draw(st.sampled_from([None, 0, 9, 12_000])),
    )


@st.composite
def _messages(draw: st.DrawFn, key: str) -> Incoming:
    account = draw(st.sampled_from([SHOP, SHOP, _TELEGRAM]))
    kind = draw(st.sampled_from([MessageKind.MENTION, MessageKind.DM, MessageKind.COMMENT]))
    post = None
    if kind is MessageKind.COMMENT:
        link = draw(st.sampled_from([None, "https://x.com/p/1", "https://x.com/p/2"]))
        post = PostRef(draw(st.sampled_from(["p1", "p2"])), link)
    return incoming(
        key,
        draw(st.sampled_from(_TEXTS)),
        author=draw(_authors()),
        account=account,
        kind=kind,
        # Several in one second, and none later than the clock of tests stands.
        written_at=START - timedelta(seconds=draw(st.integers(0, 5)) * 600),
        scope=draw(st.sampled_from(["", "", "chat-7"])),
        post=post,
        historic=draw(st.sampled_from([False, False, True])),
    )


@st.composite
def _media(draw: st.DrawFn) -> tuple[MediaRef, ...]:
    keys = draw(st.lists(st.sampled_from(["a", "b", "c"]), unique=True, max_size=2))
    return tuple(
        MediaRef(
            key,
            draw(st.sampled_from([None, f"https://pictures.example/{key}"])),
            draw(st.sampled_from(MediaKind)),
            draw(st.sampled_from(["", "رسید پرداخت"])),
        )
        for key in keys
    )


@st.composite
def _versions(draw: st.DrawFn, key: str) -> list[Incoming]:
    """A message, seldom edited: each version under a key of its own, or all under one."""
    item = replace(draw(_messages(key)), media=draw(_media()))
    found = [item]
    new_keys = draw(st.booleans())
    for number in range(1, 1 + draw(st.sampled_from([0, 0, 1, 2]))):
        text = draw(st.sampled_from(_TEXTS))
        at = item.written_at + timedelta(seconds=number * 60)
        if new_keys:
            earlier = tuple(one.native_key for one in found)
            edited = replace(
                item, native_key=f"{key}-v{number}", edited_from=earlier, written_at=at
            )
        else:
            edited = replace(item, edited_at=at)
        found.append(replace(edited, text=text, media=draw(_media())))
    return found


@st.composite
def worlds(draw: st.DrawFn, largest: int = 12) -> list[Incoming]:
    """Different messages and their versions, in the order in which they were written."""
    number = draw(st.integers(2, largest))
    found = [item for n in range(number) for item in draw(_versions(str(n)))]
    return sorted(found, key=lambda item: item.written_at)


def seen_by(item: Incoming, source: Source, account: AccountRef | None = None) -> Incoming:
    """The same message, as another source or account delivers it. An import knows no pictures."""
    media = () if source is Source.IMPORT else item.media
    return replace(item, source=source, account=account or item.account, media=media)
