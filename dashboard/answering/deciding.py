"""What a person decides about a colleague's answer that waits: it leaves, or goes back."""

from __future__ import annotations

from flask import redirect, request
from flask.typing import ResponseReturnValue

from dashboard.answering.actions import case_of
from dashboard.answering.words import cannot
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.inbox.actions import back_to_case
from dashboard.inbox.telling import tell
from dashboard.inbox.wanted import row_number
from dashboard.reader import me
from responder import approval
from responder.collision import OutboxError
from shenava.text import clean


def approve(row_id: int) -> ResponseReturnValue:
    """Let it leave. ``body_hash``: of what the page showed; ``newest``: the newest message of the
    customer that it showed."""
    case_id = case_of(row_id)
    store, form = desk().store, request.form
    try:
        with store.write() as session:
            done = approval.approve(
                session,
                me().id,
                row_id,
                form.get("body_hash", ""),
                store.clock.now(),
                seen_message_id=row_number(form.get("newest")) or 0,
            )
    except OutboxError as error:
        tell(cannot(error.code), "urgent")
    else:
        if done:
            tell(_("Approved. It is on its way."))
        else:
            tell(_("It waited no longer: a colleague was faster, or it was taken back."), "soon")
    return redirect(f"{back_to_case(case_id)}#o{row_id}")


def send_back(row_id: int) -> ResponseReturnValue:
    """Give it back to its writer. ``word``: what to change, may be empty."""
    case_id = case_of(row_id)
    store = desk().store
    word = clean(request.form.get("word", "").replace("\r\n", "\n"))[0].strip()
    try:
        with store.write() as session:
            done = approval.send_back(session, me().id, row_id, store.clock.now(), word)
    except OutboxError as error:
        tell(cannot(error.code), "urgent")
    else:
        if done:
            tell(_("Sent back. Nothing was sent to the customer."))
        else:
            tell(_("It waited no longer: a colleague was faster, or it was taken back."), "soon")
    return redirect(f"{back_to_case(case_id)}#o{row_id}")
