"""The words behind the numbers: of each frequent matter the complaint that is most certain.

On the page only. Mail passes through hands that the shop does not choose, and a PDF is handed on;
what customers wrote stays behind the sign-in, and a removed message is removed here too.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from dashboard.inbox.rows import plain
from reports.making import Report
from shenava.messages import Platform
from shenava.store import Identity, Message, Store

SHOWN = 400
"""Characters of one message."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody wrote about ``matter``, an intent's name. ``text`` is ``None`` if removed."""

    matter: str
    name: str
    platform: Platform
    text: str | None
    case_id: int


def telling(store: Store, report: Report) -> list[Quote]:
    """The most telling complaint of each frequent matter, in that order."""
    wanted = dict(reversed([(message, matter) for matter, message in report.telling]))
    with store.read() as session:
        found = {
            row.Message.id: row
            for row in session.execute(
                select(Message, Identity.name, Identity.handle)
                .join(Identity, Identity.id == Message.identity_id)
                .where(Message.id.in_(wanted))
            )
        }
    return [
        Quote(
            matter,
            plain(found[message].name) or plain(found[message].handle) or "?",
            found[message].Message.platform,
            found[message].Message.text[:SHOWN]
            if found[message].Message.removed_at is None
            else None,
            found[message].Message.case_id,
        )
        for matter, message in report.telling
        if message in found
    ]
