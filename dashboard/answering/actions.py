"""What a person does about an answer. Each address takes a form and leads back to the case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from dashboard.answering import later, places
from dashboard.answering.composer import KEY_LIMIT, TEXT_LIMIT, Attempt, known_values, read_seen
from dashboard.answering.foresight import draft_of, outlook
from dashboard.answering.replies import variant
from dashboard.answering.target import Target, target_of
from dashboard.answering.words import cannot, channel
from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.inbox.actions import back_to_case, where_from
from dashboard.inbox.pages import case_again
from dashboard.inbox.telling import tell
from dashboard.inbox.wanted import row_number
from dashboard.pictures.upload import NoPicture, attached
from dashboard.reader import me
from responder import outbox
from responder.answered import ANSWERS
from responder.collision import Collision, OutboxError
from responder.outbox import Asker, Conflict, Draft, Plan
from shenava.channels import KnowsLinks
from shenava.messages import Deed
from shenava.store import Account, OutboxRow, SavedReply
from shenava.text import clean

_LINK_LIMIT = 2_000


class NotALink(ValueError):
    """What was given as the address of an answer is none."""


def answer(case_id: int) -> ResponseReturnValue:
    """Send, or look once more at what sending would do (``do=look``, or a saved reply inserted).

    ``key``, ``seen``, ``message``: as the page had them; ``deed``, ``text``, ``place_…``: as
    chosen and typed; ``when``: now, or later. Nothing that was typed is lost: what does not leave
    is shown again.
    """
    if request.method == "GET":
        return _loaded_again(case_id)
    store, form = desk().store, request.form
    now = store.clock.now()
    tried = _attempt()
    try:
        tried = replace(tried, picture=attached())
    except NoPicture as none:
        return _again(case_id, tried, error=str(none.sentence), status=422)
    with store.read() as session:
        target = target_of(session, case_id, tried.message_id)
        if target is None:
            abort(404)
        if form.get("do") in ("look", "insert", "attach", "detach"):
            return _again(case_id, _with_reply(session, target, tried))
        wrong = _wrong(session, target, tried, now)
        try:
            at = later.chosen(form, now, desk().settings.zone)
        except later.NotATime:
            wrong = _("Choose a time that is still to come, as 18:30. Nothing was sent.")
    if not wrong and tried.picture is not None and tried.picture.fresh:
        wrong = _("Nothing was sent yet: look at the picture first, then press again.")
    if wrong:
        return _again(case_id, tried, error=wrong, status=422)
    assert tried.deed is not None
    draft = replace(draft_of(target, tried.deed, tried.text, tried.picture), case_id=case_id)
    try:
        with store.write() as session:
            row = outbox.enqueue(
                session,
                _asker(tried.key),
                draft,
                now,
                desk().rules,
                seen=read_seen(tried.seen),
                plan=Plan(not_before=at),
            )
    except Collision as stopped:
        return _again(case_id, tried, stopped=stopped, status=409)
    except Conflict as conflict:
        return _again(case_id, tried, conflict=conflict.row_id, status=409)
    except OutboxError as error:
        return _again(case_id, tried, error=cannot(error.code), status=422)
    return redirect(f"{back_to_case(case_id)}#o{row.id}")


def _loaded_again(case_id: int) -> ResponseReturnValue:
    """A page that a form was answered with is loaded again: it is the case's."""
    return redirect(url_for("inbox.case", case_id=case_id))


def _attempt() -> Attempt:
    form = request.form
    values = {
        name.removeprefix("place_"): value.strip()
        for name, value in form.items()
        if name.startswith("place_")
    }
    text = clean(form.get("text", "").replace("\r\n", "\n"))[0][:TEXT_LIMIT]
    deed = form.get("deed")
    return Attempt(
        text=places.fill(text, values),
        deed=Deed(deed) if deed in ANSWERS else None,
        message_id=row_number(form.get("message")),
        key=form.get("key", "")[:KEY_LIMIT],
        seen=form.get("seen", ""),
        values=values,
        by_hand_link=form.get("permalink"),
    )


def _with_reply(session: Session, target: Target, tried: Attempt) -> Attempt:
    """With the saved reply that was chosen, in the customer's language, at the end."""
    number = row_number(request.form.get("reply"))
    reply = session.get(SavedReply, number) if number is not None else None
    if request.form.get("do") != "insert" or reply is None:
        return tried
    found = variant(reply, target.language, desk().settings.language)
    text = places.fill(found.text, known_values(target, me().name))
    return replace(tried, text=f"{tried.text.rstrip()}\n{text}".lstrip("\n"))


def _wrong(session: Session, target: Target, tried: Attempt, now: datetime) -> str:
    """What keeps the text from leaving as it stands, in a sentence; empty when nothing does."""
    if tried.deed is None or read_seen(tried.seen) is None or not tried.key:
        abort(400)
    if not tried.text.strip() and tried.picture is None:
        return _("Write something first. Nothing was sent.")
    if places.places(tried.text):
        return _("Fill in what is still open first. Nothing was sent.")
    length = outlook(
        session, target, tried.deed, tried.text, desk().rules, now, tried.picture
    ).length
    if not length.fits:
        return _("It is too long for %(channel)s. Nothing was sent.", channel=_of(target))
    return ""


def _again(
    case_id: int,
    tried: Attempt,
    *,
    error: str = "",
    stopped: Collision | None = None,
    conflict: int | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    """The case's page with what was typed, and why it did not leave."""
    wanted, after = where_from()
    shown = replace(tried, error=error, stopped=stopped, conflict=conflict)
    return case_again(case_id, wanted, after or "", shown), status


def cancel(row_id: int) -> ResponseReturnValue:
    """Take an answer back. Its words return to the composer."""
    case_id, done = _do(row_id, lambda session, now: outbox.cancel(session, me().id, row_id, now))
    if not done:
        tell(_("Too late to take it back: it has left, or is leaving right now."), "soon")
        return redirect(f"{back_to_case(case_id)}#o{row_id}")
    tell(_("Taken back. Nothing was sent; your words are in the composer again."))
    return _take_up(case_id, row_id)


def send_now(row_id: int) -> ResponseReturnValue:
    """Do not wait any longer."""
    case_id, _done = _do(
        row_id, lambda session, now: outbox.send_now(session, me().id, row_id, now)
    )
    return redirect(f"{back_to_case(case_id)}#o{row_id}")


def retry(row_id: int) -> ResponseReturnValue:
    """Try what failed again; however often it is pressed, once."""
    tried: list[OutboxRow] = []

    def deed(session: Session, now: datetime) -> bool:
        asker = _asker(f"retry-{row_id}")
        tried.append(outbox.retry(session, asker, row_id, now, desk().rules))
        return True

    try:
        case_id, _done = _do(row_id, deed)
    except OutboxError as error:
        tell(cannot(error.code), "soon")
        return redirect(back_to_case(case_of(row_id)))
    return redirect(f"{back_to_case(case_id)}#o{tried[0].id}")


def settle(row_id: int) -> ResponseReturnValue:
    """``sent``: yes or no, as a person found on the platform. ``permalink``: where it stands."""
    case_id = case_of(row_id)
    sent = request.form.get("sent")
    if sent not in ("yes", "no"):
        abort(400)
    try:
        link = link_of(request.form.get("permalink", ""))
    except NotALink:
        tell(_("That is no web address, so nothing was settled. Copy it from the post."), "soon")
        return redirect(f"{back_to_case(case_id)}#o{row_id}")
    store = desk().store
    with store.read() as session:
        key = key_at(session.get_one(OutboxRow, row_id).account_id, link)

    def deed(session: Session, now: datetime) -> bool:
        return outbox.settle(
            session,
            me().id,
            row_id,
            now,
            desk().policy,
            sent=sent == "yes",
            native_key=key if sent == "yes" else None,
            permalink=link if sent == "yes" else None,
        )

    with store.write() as session:
        done = deed(session, store.clock.now())
    if not done:
        tell(_("It was settled already, by a colleague or by the platform's answer."), "note")
    elif sent == "yes":
        tell(_("Settled: it was sent. The clock has stopped."))
    else:
        tell(_("Settled: it was not sent. You can try it again now."))
    return redirect(f"{back_to_case(case_id)}#o{row_id}")


def by_hand(case_id: int) -> ResponseReturnValue:
    """Write down an answer that was given on the platform. ``text`` and ``permalink``: optional."""
    if request.method == "GET":
        return _loaded_again(case_id)
    store = desk().store
    tried = _attempt()
    if tried.deed is None or not tried.key:
        abort(400)
    with store.read() as session:
        target = target_of(session, case_id, tried.message_id)
    if target is None:
        abort(404)
    try:
        link = link_of(request.form.get("permalink", ""))
    except NotALink:
        error = _("That is no web address. Copy it from the post, or leave it empty.")
        return _again(case_id, tried, error=error, status=422)
    draft = Draft(
        tried.deed, target.account.id, tried.text, message_id=target.message.id, case_id=case_id
    )
    key = key_at(target.account.id, link)
    try:
        with store.write() as session:
            row = outbox.record_by_hand(
                session,
                _asker(tried.key),
                draft,
                store.clock.now(),
                desk().policy,
                native_key=key,
                permalink=link,
            )
    except Conflict as conflict:
        return _again(case_id, tried, conflict=conflict.row_id, status=409)
    except OutboxError as error:
        return _again(case_id, tried, error=cannot(error.code), status=422)
    tell(_("Recorded. The clock has stopped."))
    return redirect(f"{back_to_case(case_id)}#o{row.id}")


def key_at(account_id: int, link: str | None) -> str | None:
    """The platform's id of what stands at ``link``, where its addresses tell."""
    if link is None:
        return None
    with desk().store.read() as session:
        platform = session.get_one(Account, account_id).platform
    ways = desk().rules.get(platform)
    return ways.key_of(link) if isinstance(ways, KnowsLinks) else None


def link_of(text: str) -> str | None:
    """An address that a person gave. Raises :class:`NotALink`."""
    link = clean(text)[0].strip()
    if not link:
        return None
    if not link.startswith(("https://", "http://")) or len(link) > _LINK_LIMIT or " " in link:
        raise NotALink
    return link


def _asker(key: str) -> Asker:
    return Asker(f"user:{me().id}", key, me().id)


def _of(target: Target) -> str:
    return channel(target.platform)


def case_of(row_id: int) -> int:
    """The case of a row of the outbox; 404 where there is none."""
    with desk().store.read() as session:
        row = session.get(OutboxRow, row_id)
    if row is None or row.case_id is None:
        abort(404)
    return row.case_id


def _do(row_id: int, deed: Callable[[Session, datetime], bool]) -> tuple[int, bool]:
    """Carry ``deed`` out in one transaction; the row's case, and whether it was done."""
    case_id = case_of(row_id)
    store = desk().store
    with store.write() as session:
        return case_id, deed(session, store.clock.now())


def _take_up(case_id: int, row_id: int) -> ResponseReturnValue:
    wanted, after = where_from()
    address = url_for("inbox.case", case_id=case_id, **wanted.args(), after=after, draft=row_id)
    return redirect(f"{address}#composer")
