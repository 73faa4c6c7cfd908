"""Messages that their authors took back: the words go, that they were there stays known."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shenava.messages import AboutKind
from shenava.store import Clue, Identity, Message, VerdictRow, changes
from shenava.text import index_text


def take_back(session: Session, message_ids: Collection[int]) -> None:
    """Forget the words of messages, and what a verdict quotes of them. What was counted stays.

    Platforms ask for it (Instagram: developers.facebook.com, "Webhooks: messages", read
    2026-11-22), and whoever unsends a message expects it.
    """
    if not message_ids:
        return
    found = session.execute(
        select(Message.id, Message.case_id, Identity.name, Identity.handle)
        .join(Identity, Identity.id == Message.identity_id)
        .where(Message.id.in_(message_ids), Message.about.is_distinct_from(AboutKind.UNSENT))
        .order_by(Message.id)
        .with_for_update(key_share=True, of=Message)
    ).all()
    for row in found:
        session.execute(
            update(Message)
            .where(Message.id == row.id)
            .values(
                text="",
                raw=None,
                search_text=index_text("", row.name or "", row.handle or ""),
                about=AboutKind.UNSENT,
                about_url=None,
                permalink=None,
            )
            .execution_options(synchronize_session=False)
        )
    if found:
        session.execute(
            update(VerdictRow)
            .where(VerdictRow.message_id.in_([row.id for row in found]))
            .values(why=[])
            .execution_options(synchronize_session=False)
        )
        # What it told of its author is not known from it any more.
        session.execute(delete(Clue).where(Clue.message_id.in_([row.id for row in found])))
        changes.note(session, [row.case_id for row in found])
