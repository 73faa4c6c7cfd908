"""What a person does to many cases at once, and the way back from the last thing done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from dashboard.broadcasts.pages import begin_to
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.i18n import ngettext
from dashboard.inbox import queries, snoozing, words
from dashboard.inbox.actions import back_to_case, where_from
from dashboard.inbox.telling import UNDO_LIMIT, tell, tell_done, undo_of
from dashboard.inbox.wanted import Wanted, row_number
from dashboard.reader import me
from responder import casework, corrections
from responder.record import CaseworkError, Done
from shenava.store import Store

Deed = Callable[[Session, Sequence[int], datetime], Done]


def bulk() -> ResponseReturnValue:
    """``deed``: announce, assign, close, snooze or unassign. ``case``: the ticked ones; or
    ``all``: 1 for everything that the list ``here`` holds, as it was when ``seen_upto`` was the
    newest message.

    Works through batches, each a transaction of its own: what is done stays done.
    """
    wanted, after = where_from()
    everything = request.form.get("all") == "1"
    picked = [number for text in request.form.getlist("case") if (number := row_number(text))]
    if not picked and not everything:
        tell(_("Tick the cases first."), "note")
        return redirect(_list(wanted, after))
    name = request.form.get("deed", "")
    if name == "announce":
        return begin_to(_chosen(wanted) if everything else picked)
    deed = _deed(name, row_number(request.form.get("seen_upto")))
    batches = _all(desk().store, wanted) if everything else _batches(picked)
    done = Done()
    try:
        for batch in batches:
            with desk().store.write() as session:
                done += deed(session, batch, desk().store.clock.now())
    except CaseworkError as error:
        tell(str(words.REFUSALS[error.refusal]), "urgent")
    else:
        tell_done(done, _what(name, len(done.changed)), _undo(name, done))
    return redirect(_list(wanted, after))


def _chosen(wanted: Wanted) -> list[int]:
    """Everything the list holds, for a notice to their writers."""
    return [one for batch in _all(desk().store, wanted) for one in batch]


def _deed(name: str, seen_upto: int | None) -> Deed:
    actor = me().id
    if name == "close":
        return lambda session, ids, now: casework.close(
            session, actor, ids, now, seen_upto=seen_upto
        )
    if name == "assign":
        value = request.form.get("to", "me")
        to = actor if value == "me" else row_number(value)
        return lambda session, ids, now: casework.assign(session, actor, ids, now, to)
    if name == "unassign":
        return lambda session, ids, now: casework.assign(session, actor, ids, now, None)
    until = snoozing.until(
        request.form.get("until", ""), desk().store.clock.now(), desk().settings.zone
    )
    if name != "snooze" or until is None:
        abort(400)
    return lambda session, ids, now: casework.snooze(
        session, actor, ids, now, until, seen_upto=seen_upto
    )


def _what(name: str, count: int) -> str:
    if name == "close":
        return ngettext("%(num)s case closed.", "%(num)s cases closed.", count)
    if name == "snooze":
        return ngettext("%(num)s case snoozed.", "%(num)s cases snoozed.", count)
    if name == "unassign":
        return ngettext(
            "Nobody has %(num)s case now.", "Nobody has these %(num)s cases now.", count
        )
    return ngettext("%(num)s case handed over.", "%(num)s cases handed over.", count)


def _undo(name: str, done: Done) -> dict[str, str] | None:
    # Who had each of many cases before does not fit into one button.
    return undo_of(name, done) if name in ("close", "snooze") else None


def _all(store: Store, wanted: Wanted) -> Iterator[list[int]]:
    """Everything the list holds, in batches. Each is read when its turn comes, outside of the
    transaction that works on it; the deeds themselves say what state they expect."""
    place: queries.Cursor | None = None
    while True:
        with store.read() as session:
            page = queries.in_turn(session, wanted, me().id, place, casework.BATCH)
        if page.hits:
            yield [hit.case_id for hit in page.hits]
        if page.next is None:
            return
        place = page.next


def _batches(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), casework.BATCH):
        yield ids[start : start + casework.BATCH]


def undo() -> ResponseReturnValue:
    """Take back what the page before told of: the form that ``telling.undo_of`` made."""
    form = request.form
    cases = [number for text in form.get("cases", "").split(".") if (number := row_number(text))]
    cases = cases[:UNDO_LIMIT]
    if not cases:
        abort(400)
    actor, policy, now = me().id, desk().policy, desk().store.clock.now()
    deed = form.get("deed")
    try:
        with desk().store.write() as session:
            if deed == "close":
                done = casework.reopen(session, actor, cases, now, policy)
            elif deed == "snooze":
                done = casework.unsnooze(session, actor, cases, now)
            elif deed == "assign":
                done = casework.assign(session, actor, cases, now, row_number(form.get("to")))
            elif deed == "correct":
                number = row_number(form.get("correction")) or 0
                done = corrections.undo_correction(session, actor, number, now, policy)
            else:
                abort(400)
    except CaseworkError as error:
        tell(str(words.REFUSALS[error.refusal]), "urgent")
        done = Done()
    else:
        tell_done(done, _("Taken back."))
    if request.form.get("from") == "list":
        return redirect(_list(*where_from()))
    shown = done.changed[0] if deed == "close" and done.changed else cases[0]
    return redirect(back_to_case(row_number(form.get("case")) or shown))


def _list(wanted: Wanted, after: str | None) -> str:
    return url_for("inbox.index", **wanted.args(), after=after)
