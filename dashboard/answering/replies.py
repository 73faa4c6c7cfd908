"""Saved replies: choosing the one for a customer, and keeping them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from config.settings import UiLanguage
from dashboard.answering.examples import EXAMPLES
from shenava.messages import Language
from shenava.store import Audit, SavedReply
from shenava.store.bulk import insert_into

NAME_LIMIT = 100
SHORTCUT_LIMIT = 30
TEXT_LIMIT = 10_000
"""Characters of one text; platforms allow fewer, and the composer says so."""

LANGUAGES = ("fa", "ar", "en")


class ReplyDeed(StrEnum):
    """What the audit trail calls the deeds."""

    SAVED = "reply_saved"
    DELETED = "reply_deleted"
    EXAMPLES = "reply_examples_added"


@dataclass(frozen=True, slots=True)
class Variant:
    """A saved reply in the language that suits one customer."""

    id: int
    name: str
    shortcut: str
    text: str
    language: str


def all_replies(session: Session) -> Sequence[SavedReply]:
    """All there are, by name."""
    return session.scalars(
        select(SavedReply).order_by(func.lower(SavedReply.name), SavedReply.id)
    ).all()


def texts_of(reply: SavedReply) -> dict[str, str]:
    """The texts that there are, by language."""
    texts = {"fa": reply.text_fa, "ar": reply.text_ar, "en": reply.text_en}
    return {language: text for language, text in texts.items() if text}


def variant(reply: SavedReply, customer: Language | None, shop: UiLanguage) -> Variant:
    """The text in the customer's language; else in the shop's, else in any there is."""
    texts = texts_of(reply)
    wanted = (customer.value if customer else "", shop.value, *LANGUAGES)
    language = next(name for name in wanted if name in texts)
    return Variant(reply.id, reply.name, reply.shortcut, texts[language], language)


def fold_shortcut(text: str) -> str:
    """A shortcut as the row keeps it: without the slash, in small letters, words joined."""
    return "-".join(text.strip().lstrip("/").casefold().split())


def taken(session: Session, shortcut: str, but: int | None) -> bool:
    """Whether another reply than ``but`` has this shortcut."""
    return (
        session.scalar(
            select(SavedReply.id).where(
                SavedReply.shortcut == shortcut, SavedReply.id != (but or 0)
            )
        )
        is not None
    )


def note(session: Session, deed: ReplyDeed, actor: int, now: datetime, reply_id: int = 0) -> None:
    """One line of the audit trail."""
    details = {"reply": reply_id} if reply_id else {}
    session.add(Audit(at=now, user_id=actor, action=deed.value, details=details))


def remove(session: Session, actor: int, reply_id: int, now: datetime) -> None:
    """Delete a reply. What was sent with its words stays what it is."""
    gone = session.scalar(
        delete(SavedReply).where(SavedReply.id == reply_id).returning(SavedReply.id)
    )
    if gone is not None:
        note(session, ReplyDeed.DELETED, actor, now, reply_id)


def add_examples(session: Session, actor: int, now: datetime) -> int:
    """Add those examples whose shortcut is free; returns how many."""
    added = 0
    for example in EXAMPLES:
        made = session.scalar(
            insert_into(session, SavedReply)
            .values(
                name=str(example.name),
                shortcut=example.shortcut,
                text_fa=example.fa,
                text_ar=example.ar,
                text_en=example.en,
                changed_by=actor,
                changed_at=now,
            )
            .on_conflict_do_nothing()
            .returning(SavedReply.id)
        )
        added += made is not None
    if added:
        note(session, ReplyDeed.EXAMPLES, actor, now)
    return added
