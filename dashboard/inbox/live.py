"""What an open page asks for every two seconds, and the rows it then fetches afresh."""

from __future__ import annotations

from flask import jsonify, render_template, request
from flask.typing import ResponseReturnValue

from dashboard.accounts import strip
from dashboard.auth.roles import background
from dashboard.context import desk
from dashboard.inbox import queries
from dashboard.inbox.pages import surroundings
from dashboard.inbox.queries import Count, Hit
from dashboard.inbox.rows import rows
from dashboard.inbox.wanted import read, row_number
from dashboard.reader import me
from responder import presence
from responder.broadcasts.progress import marks
from shenava.store import changes

ROWS_LIMIT = 200
"""Cases that a page may ask about at once."""


@background
def changes_since() -> ResponseReturnValue:
    """``since``: a number. Answers ``upto`` (the number to ask with next), ``complete`` (false:
    so much moved that the page should be read afresh), ``case_ids``, the queues' ``counts`` as
    ``{"number", "more"}``, the cases that several people have open (``together``: a word each that
    changes with them), the ``broadcasts`` under way (a word each that changes when something of it
    moves), and the ``strip`` as markup. Without ``since``: only where the feed
    stands."""
    since = row_number(request.args.get("since"))
    with desk().store.read() as session:
        if since is None:
            moved = changes.Moved(changes.latest(session), (), complete=True)
        else:
            moved = changes.since(session, since)
        counts = queries.queue_counts(session, me().id)
        together = presence.together(session, desk().store.clock.now())
        under_way = marks(session)
    return jsonify(
        upto=moved.upto,
        complete=moved.complete,
        case_ids=moved.case_ids,
        counts={queue.value: _count(count) for queue, count in counts.items()},
        together=together,
        broadcasts=under_way,
        strip=strip.markup(),
    )


def _count(count: Count) -> dict[str, object]:
    return {"number": count.number, "more": count.more}


@background
def rows_of() -> ResponseReturnValue:
    """``ids``: cases that moved; ``shown``: those of them that stand on the page; the rest of the
    address: its list, and in ``end`` where its first page ended.

    Answers ``rows`` (case to markup, for those shown) and ``fresh`` (those that belong on the
    page and are not shown yet).
    """
    wanted = read(request.args)
    shown = _ids("shown")
    others = [number for number in _ids("ids") if number not in set(shown)]
    with desk().store.read() as session:
        found = rows(session, [Hit(number) for number in shown], me().id)
        end = queries.cursor(request.args.get("end"))
        fresh = queries.new_in_page(session, wanted, me().id, others, end) if others else []
    around = surroundings(wanted)
    after = request.args.get("after", "")
    return jsonify(
        rows={
            row.id: render_template(
                "inbox/row_alone.html", row=row, opened=None, after=after, **around
            )
            for row in found
        },
        fresh=fresh,
    )


def _ids(name: str) -> list[int]:
    found = [row_number(text) for text in request.args.get(name, "").split(".")]
    return [number for number in found if number is not None][:ROWS_LIMIT]
