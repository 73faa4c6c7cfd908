"""What a person does to a customer. Each address takes a form and leads back to the customer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.inbox import words
from dashboard.inbox.wanted import row_number
from dashboard.reader import me
from responder import customer_notes, merging, people
from responder.record import CaseworkError

Deed = Callable[[Session, datetime], object]

_SIDE_LIMIT = 200
"""Identities of one customer that a form can name."""


def vip(identity_id: int) -> ResponseReturnValue:
    """``on``: 1 to mark the customer, else to take the mark off."""
    on = request.form.get("on") == "1"

    def deed(session: Session, now: datetime) -> object:
        return people.set_vip(session, me().id, identity_id, now, desk().policy, on=on)

    done = _("Marked as VIP: this customer waits less from now on.")
    return _do(identity_id, deed, done if on else _("No longer marked as VIP."))


def block(identity_id: int) -> ResponseReturnValue:
    """``on``: 1 to block this identity, else to unblock it."""
    on = request.form.get("on") == "1"

    def deed(session: Session, now: datetime) -> object:
        return people.set_blocked(session, me().id, identity_id, now, desk().policy, on=on)

    done = _("Blocked. What they write is kept, and alerts nobody.")
    return _do(identity_id, deed, done if on else _("No longer blocked."))


def opt_out(identity_id: int) -> ResponseReturnValue:
    """``on``: 1 when they told you that they want to hear nothing more, else that they do again."""
    on = request.form.get("on") == "1"

    def deed(session: Session, now: datetime) -> object:
        return people.set_opted_out(session, me().id, identity_id, now, desk().policy, on=on)

    done = _("Noted. Nothing that you start, and nothing automatic, goes to them there any more.")
    return _do(identity_id, deed, done if on else _("Noted. They hear from you again."))


def note(identity_id: int) -> ResponseReturnValue:
    def deed(session: Session, now: datetime) -> None:
        customer_notes.write_note(session, me().id, identity_id, now, request.form.get("text", ""))

    return _do(identity_id, deed, _("Note kept. Customers never see notes."))


def delete_note(identity_id: int, note_id: int) -> ResponseReturnValue:
    def deed(session: Session, now: datetime) -> None:
        customer_notes.delete_note(session, me().id, note_id, now)

    return _do(identity_id, deed, _("The note is deleted."))


def merge(identity_id: int, other_id: int) -> ResponseReturnValue:
    """``mine`` and ``theirs``: all identities of each, as the page showed them."""
    mine, theirs = _side("mine"), _side("theirs")
    if identity_id not in mine or other_id not in theirs:
        abort(400)
    store = desk().store
    try:
        with store.write() as session:
            now = store.clock.now()
            done = merging.merge(session, me().id, mine, theirs, now, desk().policy)
    except CaseworkError as error:
        flash(str(words.REFUSALS[error.refusal]), "urgent")
        return redirect(url_for("customers.one", identity_id=identity_id))
    return redirect(url_for("customers.one", identity_id=identity_id, merged=done.merge_id))


def apart(identity_id: int, other_id: int) -> ResponseReturnValue:
    """They are two people: that is not asked again."""

    def deed(session: Session, now: datetime) -> None:
        merging.say_apart(session, me().id, _side("mine"), _side("theirs"), now)

    return _do(identity_id, deed, _("Noted: two people. This is not suggested again."))


def split(identity_id: int, merge_id: int) -> ResponseReturnValue:
    def deed(session: Session, now: datetime) -> None:
        merging.split(session, me().id, merge_id, now, desk().policy)

    return _do(identity_id, deed, _("Split. Both are as they were before."))


def _side(name: str) -> list[int]:
    found = [row_number(text) for text in request.form.get(name, "").split(".")]
    return [number for number in found if number is not None][:_SIDE_LIMIT]


def _do(identity_id: int, deed: Deed, said: str) -> ResponseReturnValue:
    """Carry ``deed`` out in one transaction and lead back to the customer; ``back``: to the page
    that the form was sent from, where that is another identity of theirs."""
    store = desk().store
    try:
        with store.write() as session:
            deed(session, store.clock.now())
    except CaseworkError as error:
        flash(str(words.REFUSALS[error.refusal]), "urgent")
    else:
        flash(said, "good")
    shown = row_number(request.form.get("back")) or identity_id
    return redirect(url_for("customers.one", identity_id=shown))
