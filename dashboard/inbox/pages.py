"""The two pages: a list of cases, and one case beside its list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import abort, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from dashboard.answering import words as says
from dashboard.answering.composer import Attempt, composer
from dashboard.context import desk
from dashboard.customers import words as customer_words
from dashboard.dates import MINUTE
from dashboard.filters import iso, now, present_dates
from dashboard.i18n import gettext as _
from dashboard.inbox import queries, words
from dashboard.inbox.rows import Row, rows
from dashboard.inbox.snoozing import choices
from dashboard.inbox.telling import take_told
from dashboard.inbox.thread import Thread, accounts, anything, staff, thread
from dashboard.inbox.wanted import Holder, Queue, Wanted, read, row_number
from dashboard.reader import me
from responder.casework import NOTE_LIMIT, mark_read, newest_message
from shenava.messages import Intent, Language, Platform, Sentiment
from shenava.store import changes


def index() -> ResponseReturnValue:
    """A queue, or what a search found."""
    return _page(read(request.args), _after(request.args.get("after")), None)


def case(case_id: int) -> ResponseReturnValue:
    """One case; the list it was opened from stands beside it where there is room."""
    found = _opened(case_id)
    wanted, after = read(request.args), _after(request.args.get("after"))
    answer = current_app.make_response(_page(wanted, after, found))
    if found.row.unread:
        answer.call_on_close(_reads(me().id, found.id, found.row.message_count))
    return answer


def case_again(case_id: int, wanted: Wanted, after: str, attempt: Attempt) -> str:
    """The page of a case after an answer that did not leave: with what was typed."""
    return _page(wanted, after, _opened(case_id), attempt)


def _opened(case_id: int) -> Thread:
    with desk().store.read() as session:
        found = thread(session, case_id, me().id)
    if found is None:
        abort(404)
    return found


def _after(text: str | None) -> str:
    """Where a page of the list begins, as its address says it; empty for nothing of ours."""
    return (text or "") if queries.cursor(text) else ""


def _reads(reader: int, case_id: int, message_count: int) -> Callable[[], None]:
    """Notes that the case was read, once the page is on its way: a page never waits to write."""
    store = desk().store

    def write() -> None:
        with store.write() as session:
            mark_read(session, reader, case_id, message_count)

    return write


def _page(wanted: Wanted, after: str, opened: Thread | None, attempt: Attempt | None = None) -> str:
    reader = me().id
    with desk().store.read() as session:
        # The number comes first: what moves from here on is told by the feed.
        upto = changes.latest(session)
        page = queries.page(session, wanted, reader, queries.cursor(after))
        listed = rows(session, page.hits, reader)
        count = None if wanted.is_search else queries.count(session, wanted, reader)
        context: dict[str, Any] = {
            "upto": upto,
            "page": page,
            "rows": listed,
            "count": count,
            "counts": queries.queue_counts(session, reader),
            "seen_upto": newest_message(session),
            "staff": staff(session),
            "accounts": accounts(session),
            "anything": bool(listed) or anything(session),
            "composer": opened
            and composer(
                session,
                desk(),
                opened.id,
                reader,
                opened.people,
                attempt=attempt,
                draft_of=row_number(request.args.get("draft")),
            ),
        }
    return render_template(
        "inbox/page.html",
        after=after,
        opened=opened,
        told=take_told(),
        **context,
        **surroundings(wanted),
    )


def surroundings(wanted: Wanted) -> dict[str, Any]:
    """What every template of the inbox works with."""
    return {
        "words": words,
        "customer_words": customer_words,
        "says": says,
        "wanted": wanted,
        "Queue": Queue,
        "Holder": Holder,
        "platforms": list(Platform),
        "languages_of_text": list(Language),
        "moods": list(Sentiment),
        "intents": list(Intent),
        "snooze_choices": choices(desk().store.clock.now(), desk().settings.zone),
        "note_limit": NOTE_LIMIT,
        "here": here,
        "list_url": list_url,
        "case_url": case_url,
        "row_class": row_class,
        "chip": words.chip,
    }


def waiting(since: datetime) -> Markup:
    """How long a customer has waited; ``js/inbox-clock.js`` keeps it true."""
    gone = now() - since
    if gone < MINUTE:
        text = _("just now")
    else:
        text = _("waiting %(span)s", span=present_dates().span(gone))
    return Markup('<time class="waits" datetime="{}">{}</time>').format(iso(since), text)


def list_url(wanted: Wanted, after: str = "") -> str:
    """The address of a list."""
    return url_for("inbox.index", **wanted.args(), after=after or None)


def case_url(case_id: int, wanted: Wanted, after: str = "") -> str:
    """The address of a case beside the list it is opened from."""
    return url_for("inbox.case", case_id=case_id, **wanted.args(), after=after or None)


def here(wanted: Wanted, after: str = "") -> str:
    """The list as one word, for forms that lead back to it."""
    return list_url(wanted, after).partition("?")[2]


def row_class(row: Row, opened: Thread | None) -> str:
    """The classes of a row: its level, and whether it is unread or open."""
    marks = [row.level]
    marks += ["unread"] if row.unread else []
    marks += ["current"] if opened is not None and opened.id == row.id else []
    return " ".join(marks)
