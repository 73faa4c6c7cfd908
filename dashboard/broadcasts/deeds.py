"""What a person does to a broadcast. Each address takes a form and leads back to its page."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Response, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from dashboard.broadcasts.pages import house
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.i18n import ngettext
from dashboard.reader import me
from responder import outbox
from responder.broadcasts import drafting, running
from responder.broadcasts.content import Content
from responder.broadcasts.drafting import BroadcastError
from responder.broadcasts.planning import plan_broadcast
from responder.broadcasts.templates import STAGE_WORDS
from responder.outbox import Draft
from shenava.fonts import FontsMissing, find_fonts
from shenava.messages import Deed
from shenava.notice import Notice, NoticeTooLong, draw_notice
from shenava.store import Account, Broadcast, BroadcastState, OutboxRow, Recipient

_ADDRESS = re.compile(r"https?://\S{3,1000}")
_TOO_LATE = "late"


def _back(broadcast_id: int, part: str = "watch") -> ResponseReturnValue:
    return redirect(url_for("broadcasts.show", broadcast_id=broadcast_id) + f"#{part}")


def _tell_late() -> None:
    flash(_("It was too late for that: look at what it is now. Nothing was changed."), "soon")


def plan_anew(broadcast_id: int) -> ResponseReturnValue:
    """Look again at who is there to be told."""
    try:
        plan = plan_broadcast(desk().store, broadcast_id, desk().rules, house(), me().id)
    except BroadcastError:
        return redirect(url_for("broadcasts.edit", broadcast_id=broadcast_id))
    if plan is None:
        _tell_late()
    return _back(broadcast_id, "plan")


def release(broadcast_id: int) -> ResponseReturnValue:
    """Let the plan that was read leave."""
    store = desk().store
    now = store.clock.now()
    home = house()
    try:
        with store.write() as session:
            state = drafting.release(
                session,
                me().id,
                broadcast_id,
                request.form.get("hash", ""),
                now,
                home.quiet,
                second_person=home.second_person,
            )
    except BroadcastError:
        flash(_("This plan reaches nobody: there is nothing to send."), "urgent")
        return _back(broadcast_id, "plan")
    if state is None:
        flash(_("It was planned anew meanwhile. Nothing was sent; read the plan first."), "soon")
        return _back(broadcast_id, "plan")
    return _back(broadcast_id)


def approve(broadcast_id: int) -> ResponseReturnValue:
    """A second person lets it leave."""
    store = desk().store
    try:
        with store.write() as session:
            done = drafting.approve(
                session,
                me().id,
                broadcast_id,
                request.form.get("hash", ""),
                store.clock.now(),
                house().quiet,
            )
    except BroadcastError:
        flash(_("Nobody approves their own notice: ask a colleague."), "urgent")
        return _back(broadcast_id, "plan")
    if not done:
        _tell_late()
    return _back(broadcast_id)


def _deed(work: Callable[[Session, int, int], bool]) -> Callable[[int], ResponseReturnValue]:
    def view(broadcast_id: int) -> ResponseReturnValue:
        with desk().store.write() as session:
            if session.get(Broadcast, broadcast_id) is None:
                abort(404)
            done = work(session, me().id, broadcast_id)
        if not done:
            _tell_late()
        return _back(broadcast_id)

    return view


withdraw = _deed(lambda s, who, n: drafting.withdraw(s, who, n, desk().store.clock.now()))
hurry = _deed(lambda s, who, n: drafting.hurry(s, who, n, desk().store.clock.now()))
pause = _deed(lambda s, who, n: running.pause(s, who, n, desk().store.clock.now()))
go_on = _deed(lambda s, who, n: running.go_on(s, who, n, desk().store.clock.now()))
stop = _deed(lambda s, who, n: running.stop(s, who, n, desk().store.clock.now()))


def retry(broadcast_id: int) -> ResponseReturnValue:
    """Try again those that failed, and no others."""
    store = desk().store
    tried = 0
    try:
        while True:
            with store.write() as session:
                some = running.retry_failed(
                    session, me().id, broadcast_id, store.clock.now(), desk().rules
                )
            tried += some
            if not some:
                break
    except BroadcastError:
        _tell_late()
        return _back(broadcast_id)
    flash(ngettext("%(num)s is tried again.", "%(num)s are tried again.", tried), "note")
    return _back(broadcast_id)


def settle(broadcast_id: int, row_id: int) -> ResponseReturnValue:
    """A person has looked, and says what became of one whose outcome nobody knew."""
    store = desk().store
    with store.write() as session:
        row = session.get(OutboxRow, row_id)
        if row is None or row.principal != f"broadcast:{broadcast_id}":
            abort(404)
        sent = request.form.get("sent") == "1"
        done = outbox.settle(session, me().id, row_id, store.clock.now(), desk().policy, sent=sent)
    if not done:
        _tell_late()
    return _back(broadcast_id)


def by_hand(broadcast_id: int, recipient_id: int) -> ResponseReturnValue:
    """A person posted it on the platform themselves."""
    store = desk().store
    with store.write() as session:
        line, row = _line(session, broadcast_id, recipient_id)
        address = request.form.get("permalink", "").strip()
        account = session.get_one(Account, line.account_id)
        content = Content.of_json(row.content)
        text = content.text_for(account.platform, line.language, Deed.POST, place=True)
        draft = Draft(Deed.POST, account.id, text)
        done = running.posted_by_hand(
            session,
            me().id,
            recipient_id,
            draft,
            store.clock.now(),
            desk().policy,
            permalink=address if _ADDRESS.fullmatch(address) else None,
        )
    if not done:
        _tell_late()
    return _back(broadcast_id)


def picture(broadcast_id: int, recipient_id: int) -> ResponseReturnValue:
    """The notice as a picture: to look at, or to post by hand."""
    with desk().store.read() as session:
        line, row = _line(session, broadcast_id, recipient_id)
        account = session.get_one(Account, line.account_id)
    settings = desk().settings
    content = Content.of_json(row.content)
    text = content.text_for(account.platform, line.language, Deed.POST, place=True)
    stage = STAGE_WORDS[row.stage][line.language]
    name = settings.shop_name or account.name or account.handle
    try:
        drawn = draw_notice(
            Notice(text, name, stage, settings.brand_colour), find_fonts(settings.font_file)
        )
    except (FontsMissing, NoticeTooLong):
        abort(404)
    answer = Response(drawn, mimetype="image/jpeg")
    if request.args.get("download"):
        answer.headers["Content-Disposition"] = f'attachment; filename="notice-{broadcast_id}.jpg"'
    return answer


def _line(session: Session, broadcast_id: int, recipient_id: int) -> tuple[Recipient, Broadcast]:
    line = session.get(Recipient, recipient_id)
    row = session.get(Broadcast, broadcast_id)
    if line is None or row is None or line.broadcast_id != broadcast_id:
        abort(404)
    if row.state is BroadcastState.DRAFT:
        abort(404)
    return line, row
