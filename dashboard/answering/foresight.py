"""What will happen if this is sent now, way by way: what the composer says before it is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from dashboard.answering.target import Target
from dashboard.pictures.upload import Attached
from responder.circumstances import Rules
from responder.outbox import Draft
from responder.preview import Preview, preview
from shenava.channels.rules import Reason
from shenava.messages import Deed, MessageKind, Platform


@dataclass(frozen=True, slots=True)
class Outlook(Preview):
    """What sending ``deed`` with this text would come to."""

    deed: Deed

    @property
    def allowed(self) -> bool:
        return self.refused is None

    @property
    def dearer(self) -> int:
        """How many times the price of a plain one this costs; 1 when it is not dearer."""
        return max(1, round(self.price_micros / self.plain_micros)) if self.plain_micros else 1


def deeds_for(target: Target) -> tuple[Deed, ...]:
    """Ways to answer that are thought of at all: the customer's own first."""
    can_write = target.identity.key.startswith("id:")
    if not target.is_public:
        return (Deed.DM,) if can_write else ()
    private = (Deed.DM,) if can_write else ()
    if target.platform is Platform.INSTAGRAM and target.message.kind is MessageKind.COMMENT:
        return (Deed.ANSWER, *private, Deed.PRIVATE_REPLY)
    return (Deed.ANSWER, *private)


def offered(found: Iterable[Outlook]) -> tuple[Outlook, ...]:
    """The ways that can be chosen. Who can be written to privately anyhow needs not be answered
    privately to one comment, which is possible once."""
    able = [one for one in found if one.allowed]
    if any(one.deed is Deed.DM for one in able):
        able = [one for one in able if one.deed is not Deed.PRIVATE_REPLY]
    return tuple(able)


def spent_private_reply(found: Iterable[Outlook]) -> Outlook | None:
    """The private reply to a comment that is possible no more, where nothing else is private: its
    reason is told, so that nobody looks for the button."""
    ways = {one.deed: one for one in found}
    reply, message = ways.get(Deed.PRIVATE_REPLY), ways.get(Deed.DM)
    if reply is None or (message is not None and message.allowed) or reply.refused is None:
        return None
    told = (Reason.ANSWERED_PRIVATELY, Reason.WINDOW_CLOSED)
    return reply if reply.refused.reason in told else None


def outlook(
    session: Session,
    target: Target,
    deed: Deed,
    text: str,
    rules: Rules,
    now: datetime,
    picture: Attached | None = None,
) -> Outlook:
    """What sending ``text`` now would come to."""
    found = preview(session, draft_of(target, deed, text, picture), rules, now)
    return Outlook(
        refused=found.refused,
        length=found.length,
        empty=found.empty,
        price_micros=found.price_micros,
        plain_micros=found.plain_micros,
        pace=found.pace,
        until=found.until,
        window=found.window,
        deed=deed,
    )


def draft_of(target: Target, deed: Deed, text: str, picture: Attached | None = None) -> Draft:
    """``text`` as an answer to ``target``."""
    return Draft(
        deed,
        target.account.id,
        text,
        message_id=target.message.id,
        case_id=target.case.id,
        picture_id=picture.id if picture else None,
        picture_alt=picture.alt if picture else "",
    )
