"""The pages of posts. A post is looked at before it leaves: everyone will read it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.answering import actions, later, words
from dashboard.answering.composer import KEY_LIMIT, TEXT_LIMIT, new_key
from dashboard.answering.own import own_rows
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.inbox import words as inbox_words
from dashboard.inbox.telling import tell
from dashboard.inbox.wanted import row_number
from dashboard.pictures.upload import Attached, NoPicture, attached, known, takes_pictures
from dashboard.reader import me
from responder import outbox
from responder.collision import OutboxError
from responder.outbox import Asker, Conflict, Draft, Plan
from responder.preview import Preview, preview
from shenava.messages import Deed
from shenava.store import Account, AccountState, OutboxRow, User
from shenava.text import clean

SHOWN = 100
"""Posts on the page, the newest."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What someone has written so far. ``looked``: a mark of what they saw last before this."""

    text: str = ""
    account_id: int | None = None
    picture: Attached | None = None
    key: str = ""
    looked: str = ""

    @property
    def mark(self) -> str:
        """Changes with everything that would be sent."""
        picture = (self.picture.id, self.picture.alt) if self.picture else None
        whole = repr((self.text, self.account_id, picture))
        return hashlib.sha256(whole.encode()).hexdigest()[:32]


def index() -> ResponseReturnValue:
    """What was posted from here, the newest first."""
    with desk().store.read() as session:
        ids = session.scalars(
            select(OutboxRow.id)
            .where(
                OutboxRow.deed == Deed.POST,
                OutboxRow.case_id.is_(None),
                OutboxRow.broadcast_id.is_(None),
            )
            .order_by(OutboxRow.id.desc())
            .limit(SHOWN)
        ).all()
        people = {row.id: row.name for row in session.execute(select(User.id, User.name))}
        found = {one.id: one for one in own_rows(session, ids, me().id, people)}
        places = _accounts(session)
    return render_template(
        "posts/index.html",
        entries=[found[number] for number in ids if number in found],
        places=places,
        says=words,
        words=inbox_words,
        now=desk().store.clock.now,
    )


def new() -> ResponseReturnValue:
    """Write a post, look at it (``do=look``), and post it (``when``: now, or later)."""
    store = desk().store
    now = store.clock.now()
    if request.method == "GET":
        return _form(_taken_up(), now)
    try:
        tried = _attempt()
    except NoPicture as none:
        return _form(_attempt(with_picture=False), now, error=str(none.sentence), status=422)
    if "when" not in request.form:
        return _form(tried, now, look=request.form.get("do") == "look")
    wrong = ""
    try:
        at = later.chosen(request.form, now, desk().settings.zone)
    except later.NotATime:
        wrong = _("Choose a time that is still to come, as 18:30. Nothing was sent.")
    if wrong or tried.looked != tried.mark or tried.account_id is None or not tried.key:
        # What stands there now has not been looked at yet.
        return _form(tried, now, error=wrong, look=True, status=422 if wrong else 200)
    try:
        with store.write() as session:
            row = outbox.enqueue(
                session, _asker(tried.key), _draft(tried), now, desk().rules, plan=Plan(at)
            )
    except Conflict:
        tell(_("This form was sent once already. What became of it stands here."), "note")
        return redirect(url_for("posts.index"))
    except OutboxError as error:
        return _form(tried, now, error=words.cannot(error.code), look=True, status=422)
    return redirect(f"{url_for('posts.index')}#o{row.id}")


def _attempt(*, with_picture: bool = True) -> Attempt:
    form = request.form
    text = clean(form.get("text", "").replace("\r\n", "\n"))[0][:TEXT_LIMIT]
    return Attempt(
        text=text,
        account_id=row_number(form.get("account")),
        picture=attached() if with_picture else None,
        key=form.get("key", "")[:KEY_LIMIT],
        looked=form.get("looked", ""),
    )


def _taken_up() -> Attempt:
    """A post that did not leave, to be changed."""
    number = row_number(request.args.get("draft"))
    if number is None:
        return Attempt()
    with desk().store.read() as session:
        row = session.get(OutboxRow, number)
        if row is None or row.deed is not Deed.POST or row.case_id is not None:
            return Attempt()
        picture = known(session, row.picture_id, row.picture_alt) if row.picture_id else None
        return Attempt(row.text, row.account_id, picture)


def _form(
    tried: Attempt, now: datetime, *, error: str = "", look: bool = False, status: int = 200
) -> ResponseReturnValue:
    found: Preview | None = None
    with desk().store.read() as session:
        places = _accounts(session)
        chosen = next((one for one in places if one.id == tried.account_id), None)
        chosen = chosen or (places[0] if places else None)
        tried = Attempt(
            tried.text,
            chosen.id if chosen else None,
            tried.picture,
            tried.key or new_key(),
            tried.looked,
        )
        if look and chosen is not None and not error:
            if not tried.text.strip() and tried.picture is None:
                error, status = _("Write something first. Nothing was sent."), 422
            else:
                found = preview(session, _draft(tried), desk().rules, now)
    page = render_template(
        "posts/new.html",
        tried=tried,
        places=places,
        chosen=chosen,
        found=found,
        dearer=_dearer(found),
        error=error,
        choices=later.choices(now, desk().settings.zone),
        days=later.days(now, desk().settings.zone),
        takes_picture=chosen is not None
        and takes_pictures(desk().rules.get(chosen.platform), Deed.POST),
        says=words,
        words=inbox_words,
    )
    return page, status


def _dearer(found: Preview | None) -> int:
    if found is None or not found.plain_micros:
        return 1
    return max(1, round(found.price_micros / found.plain_micros))


def _accounts(session: Session) -> list[Account]:
    """Those that something can be posted through."""
    rows = session.scalars(
        select(Account)
        .where(Account.state == AccountState.CONNECTED)
        .order_by(Account.platform, Account.handle)
    )
    return [row for row in rows if row.platform in desk().rules]


def _draft(tried: Attempt) -> Draft:
    assert tried.account_id is not None
    return Draft(
        Deed.POST,
        tried.account_id,
        tried.text,
        picture_id=tried.picture.id if tried.picture else None,
        picture_alt=tried.picture.alt if tried.picture else "",
    )


def cancel(row_id: int) -> ResponseReturnValue:
    """Take a post back. Its words return to the form."""
    if not _do(row_id, lambda session, now: outbox.cancel(session, me().id, row_id, now)):
        tell(_("Too late to take it back: it has left, or is leaving right now."), "soon")
        return _back(row_id)
    tell(_("Taken back. Nothing was sent; your words are here again."))
    return redirect(url_for("posts.new", draft=row_id))


def send_now(row_id: int) -> ResponseReturnValue:
    """Do not wait any longer."""
    _do(row_id, lambda session, now: outbox.send_now(session, me().id, row_id, now))
    return _back(row_id)


def retry(row_id: int) -> ResponseReturnValue:
    """Try what failed again; however often it is pressed, once."""

    def deed(session: Session, now: datetime) -> int:
        return outbox.retry(session, _asker(f"retry-{row_id}"), row_id, now, desk().rules).id

    try:
        return _back(_do(row_id, deed))
    except OutboxError:
        tell(_("Only what failed or was refused can be tried again. Nothing was sent."), "soon")
        return _back(row_id)


def settle(row_id: int) -> ResponseReturnValue:
    """``sent``: yes or no, as a person found on the platform. ``permalink``: where it stands."""
    sent = request.form.get("sent")
    if sent not in ("yes", "no"):
        abort(400)
    try:
        link = actions.link_of(request.form.get("permalink", "")) if sent == "yes" else None
    except actions.NotALink:
        tell(_("That is no web address, so nothing was settled. Copy it from the post."), "soon")
        return _back(row_id)
    with desk().store.read() as session:
        row = session.get(OutboxRow, row_id)
    key = actions.key_at(row.account_id, link) if row is not None else None

    def deed(session: Session, now: datetime) -> bool:
        return outbox.settle(
            session,
            me().id,
            row_id,
            now,
            desk().policy,
            sent=sent == "yes",
            native_key=key,
            permalink=link,
        )

    if not _do(row_id, deed):
        tell(_("It was settled already, by a colleague or by the platform's answer."), "note")
    return _back(row_id)


def _do(row_id: int, deed: Callable[[Session, datetime], Any]) -> Any:
    """Carry ``deed`` out on a post, in one transaction."""
    store = desk().store
    with store.write() as session:
        row = session.get(OutboxRow, row_id)
        if row is None or row.deed is not Deed.POST or row.case_id is not None:
            abort(404)
        return deed(session, store.clock.now())


def _back(row_id: int) -> ResponseReturnValue:
    return redirect(f"{url_for('posts.index')}#o{row_id}")


def _asker(key: str) -> Asker:
    return Asker(f"user:{me().id}", key, me().id)
