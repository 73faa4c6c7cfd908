"""What a person does to one case. Each address takes a form and leads back to the case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qsl

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.inbox import snoozing, words
from dashboard.inbox.queries import cursor
from dashboard.inbox.telling import take_told, tell, tell_done, undo_of
from dashboard.inbox.wanted import Wanted, read, row_number
from dashboard.reader import me
from responder import casework, corrections, people
from responder.corrections import Said
from responder.effective import held_verdicts
from responder.record import CaseworkError, Done
from shenava.messages import Intent, Sentiment
from shenava.store import Case, Message, User

Deed = Callable[[Session, datetime], Done]


def assign(case_id: int) -> ResponseReturnValue:
    """``to``: a person's number, ``me``, or empty for nobody. ``holder``: who has it as far as
    the page knows; absent: whoever."""
    to = _person(request.form.get("to", ""))
    expected = request.form.get("holder")

    def deed(session: Session, now: datetime) -> Done:
        had = session.scalar(select(Case.assignee_id).where(Case.id == case_id))
        if expected is None:
            done = casework.assign(session, me().id, [case_id], now, to)
        else:
            done = casework.assign(
                session, me().id, [case_id], now, to, expected=row_number(expected)
            )
        tell_done(done, _given(session, to), undo_of("assign", done, to=str(had or "")))
        return done

    return _do(case_id, deed)


def _given(session: Session, to: int | None) -> str:
    if to is None:
        return _("Nobody has the case now.")
    if to == me().id:
        return _("The case is yours.")
    name = session.scalar(select(User.name).where(User.id == to))
    return _("%(name)s has the case now.", name=name)


def close(case_id: int) -> ResponseReturnValue:
    def deed(session: Session, now: datetime) -> Done:
        done = casework.close(session, me().id, [case_id], now, seen_upto=_seen_upto())
        tell_done(done, _("Closed."), undo_of("close", done))
        return done

    return _do(case_id, deed)


def reopen(case_id: int) -> ResponseReturnValue:
    def deed(session: Session, now: datetime) -> Done:
        done = casework.reopen(session, me().id, [case_id], now, desk().policy)
        if done.changed:
            tell(_("Opened again, as a new case of the same conversation."))
        else:
            tell(_("The conversation has an open case already."), "note")
        return done

    return _do(case_id, deed)


def snooze(case_id: int) -> ResponseReturnValue:
    def deed(session: Session, now: datetime) -> Done:
        until = snoozing.until(request.form.get("until", ""), now, desk().settings.zone)
        if until is None:
            abort(400)
        done = casework.snooze(session, me().id, [case_id], now, until, seen_upto=_seen_upto())
        text = _("Snoozed. It comes back by itself, or as soon as the customer writes.")
        tell_done(done, text, undo_of("snooze", done))
        return done

    return _do(case_id, deed)


def wake(case_id: int) -> ResponseReturnValue:
    def deed(session: Session, now: datetime) -> Done:
        done = casework.unsnooze(session, me().id, [case_id], now)
        tell_done(done, _("The case is open again."))
        return done

    return _do(case_id, deed)


def note(case_id: int) -> ResponseReturnValue:
    def deed(session: Session, now: datetime) -> Done:
        done = casework.note(session, me().id, case_id, now, request.form.get("text", ""))
        tell(_("Note kept. Customers never see notes."))
        return done

    return _do(case_id, deed)


def block(case_id: int) -> ResponseReturnValue:
    """``on``: 1 to block the writer of the case, else to unblock them."""

    def deed(session: Session, now: datetime) -> Done:
        if request.form.get("on") == "1":
            done = people.block(session, me().id, case_id, now, desk().policy)
            tell_done(done, _("Blocked. What they write is kept, and alerts nobody."))
        else:
            done = people.unblock(session, me().id, case_id, now, desk().policy)
            tell_done(done, _("No longer blocked."))
        return done

    return _do(case_id, deed)


def vip(case_id: int) -> ResponseReturnValue:
    """``on``: 1 to mark the customer, else to take the mark off."""

    def deed(session: Session, now: datetime) -> Done:
        if request.form.get("on") == "1":
            done = people.mark_vip(session, me().id, case_id, now, desk().policy)
            tell_done(done, _("Marked as VIP: this customer waits less from now on."))
        else:
            done = people.unmark_vip(session, me().id, case_id, now, desk().policy)
            tell_done(done, _("No longer marked as VIP."))
        return done

    return _do(case_id, deed)


def correct(message_id: int) -> ResponseReturnValue:
    """``urgent``, ``complaint``: yes, no, or ``model``; ``mood``: a sentiment or ``model``;
    ``intents``: any number, with ``intents_given``. What is absent stays as people said."""
    form = request.form

    def deed(session: Session, now: datetime) -> Done:
        before = corrections.said(session, message_id)
        word = Said(
            sentiment=_mood(form.get("mood"), before.sentiment),
            complaint=_yes_or_no(form.get("complaint"), before.complaint),
            urgent=_yes_or_no(form.get("urgent"), before.urgent),
            intents=_intents(session, message_id, before.intents),
        )
        done = corrections.correct(session, me().id, message_id, now, desk().policy, word)
        latest = corrections.latest_correction(session, message_id)
        undo = (
            {"deed": "correct", "correction": str(latest), "cases": str(done.changed[0])}
            if (done.changed)
            else None
        )
        tell_done(done, _("Corrected. Your word stands over the model's."), undo)
        return done

    with desk().store.read() as session:
        case_id = session.scalar(select(Message.case_id).where(Message.id == message_id))
    if case_id is None:
        abort(404)
    # A case that was reopened shows the messages of the one before; lead back to where we were.
    return _do(row_number(form.get("case")) or case_id, deed)


def _yes_or_no(value: str | None, before: bool | None) -> bool | None:
    return {"yes": True, "no": False, "model": None}.get(value or "", before)


def _mood(value: str | None, before: Sentiment | None) -> Sentiment | None:
    if value == "model":
        return None
    return Sentiment(value) if value in {item.value for item in Sentiment} else before


def _intents(
    session: Session, message_id: int, before: tuple[Intent, ...] | None
) -> tuple[Intent, ...] | None:
    """What was picked; where that is what the model says too, the model's word stands."""
    if request.form.get("intents_given") != "1":
        return before
    picked = tuple(intent for intent in Intent if intent.value in request.form.getlist("intents"))
    held = held_verdicts(session, [message_id]).get(message_id)
    models = {item["label"] for item in held.verdict.intents} if held else None
    return None if models == set(picked) else picked


def _person(value: str) -> int | None:
    return me().id if value == "me" else row_number(value)


def _seen_upto() -> int | None:
    return row_number(request.form.get("seen_upto"))


def _do(case_id: int, deed: Deed) -> ResponseReturnValue:
    """Carry ``deed`` out in one transaction and lead back to the case, or to its successor."""
    store = desk().store
    shown = case_id
    try:
        with store.write() as session:
            done = deed(session, store.clock.now())
        if request.endpoint == "inbox.reopen" and done.changed:
            shown = done.changed[0]
    except CaseworkError as error:
        tell(str(words.REFUSALS[error.refusal]), "urgent")
    except Exception:
        take_told()  # It was not done: the commit failed after the words were chosen.
        raise
    return redirect(back_to_case(shown))


def back_to_case(case_id: int) -> str:
    """The case's address, with the list that the form names in ``here``."""
    wanted, after = where_from()
    return url_for("inbox.case", case_id=case_id, **wanted.args(), after=after)


def where_from() -> tuple[Wanted, str | None]:
    """The list that a form was sent from, and where its page began."""
    args = dict(parse_qsl(request.form.get("here", "")))
    after = cursor(args.get("after"))
    return read(args), str(after) if after else None
