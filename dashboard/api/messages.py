"""Messages and the shop's accounts: to read, and to say what a message is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.api import asked, reading, shapes
from dashboard.api.paging import onward, place
from dashboard.api.problems import not_found
from dashboard.api.serving import writing
from dashboard.api.tokens import Caller
from dashboard.context import desk
from dashboard.inbox.queries import Cursor
from responder import corrections
from responder.corrections import Said
from responder.record import CaseworkError
from shenava.messages import Intent
from shenava.store import Account, Message
from shenava.store.search import matching_messages


def list_messages(caller: Caller, query: asked.MessageQuery) -> shapes.MessagePage:
    """List messages. All, those of one case, or those that a search finds."""
    after = place(query, query.cursor)
    with desk().store.read() as session:
        wanted = _wanted(session, query, after)
        rows = session.scalars(wanted).all() if wanted is not None else []
        items = reading.messages(session, rows[: query.limit])
    end = Cursor(0, rows[query.limit - 1].id) if len(rows) > query.limit else None
    return shapes.MessagePage(items=items, next=onward(query, end))


def get_message(caller: Caller, message_id: int) -> shapes.Message:
    """Read one message. With what is held to be true of it."""
    with desk().store.read() as session:
        return reading.message(session, message_id)


def correct_message(caller: Caller, message_id: int, body: asked.Correct) -> shapes.Message:
    """Correct a verdict. A person's word outranks every model; the case is triaged anew."""
    now = desk().store.clock.now()
    with writing(caller) as session:
        before = corrections.said(session, message_id)
        word = _said(body, before)
        try:
            corrections.correct(session, caller.maker, message_id, now, desk().policy, word)
        except CaseworkError:
            raise not_found("message") from None
        session.flush()
        return reading.message(session, message_id)


def list_accounts(caller: Caller) -> shapes.AccountPage:
    """List the shop's own places. All of them, on one page."""
    with desk().store.read() as session:
        rows = session.scalars(select(Account).order_by(Account.id)).all()
    return shapes.AccountPage(items=[reading.account(row) for row in rows], next=None)


def _wanted(session: Session, query: asked.MessageQuery, after: Cursor | None) -> Any:
    """The question for one message more than the page; ``None`` when no word is searched for."""
    newest_first = query.order is asked.MessageOrder.NEWEST
    wanted = select(Message)
    if query.case is not None:
        wanted = wanted.where(Message.case_id == int(query.case))
    if query.since is not None:
        wanted = wanted.where(Message.id > int(query.since))
    if after is not None:
        wanted = wanted.where(Message.id < after.id if newest_first else Message.id > after.id)
    if query.q is not None and query.q.strip():
        found = matching_messages(session, query.q)
        if found is None:
            return None
        wanted = wanted.where(Message.id.in_(found))
    order = Message.id.desc() if newest_first else Message.id
    return wanted.order_by(order).limit(query.limit + 1)


def _said(body: asked.Correct, before: Said) -> Said:
    given = body.model_fields_set
    intents = before.intents
    if "intents" in given:
        picked = set(body.intents) if body.intents is not None else None
        intents = None if picked is None else tuple(one for one in Intent if one in picked)
    return Said(
        sentiment=body.sentiment if "sentiment" in given else before.sentiment,
        complaint=body.complaint if "complaint" in given else before.complaint,
        urgent=body.urgent if "urgent" in given else before.urgent,
        intents=intents,
    )
