"""What an open case asks for while someone writes in it. All markup is made by the templates that
made the page: nothing is counted or worded twice."""

from __future__ import annotations

from flask import abort, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.answering import words
from dashboard.answering.composer import TEXT_LIMIT, gaps, news, others, read_seen
from dashboard.answering.foresight import deeds_for, outlook
from dashboard.answering.own import own_rows
from dashboard.answering.target import target_of
from dashboard.auth.roles import background
from dashboard.context import desk
from dashboard.inbox.pages import surroundings
from dashboard.inbox.wanted import read, row_number
from dashboard.pictures.upload import known
from dashboard.reader import me
from responder import presence
from shenava.store import Case, PresenceKind, User
from shenava.text import clean

WATCH_LIMIT = 50
"""Own messages that a page may ask about at once."""


@background
def here(case_id: int) -> ResponseReturnValue:
    """Someone has the case open. ``kind``: viewing or writing; ``seen``: what their page shows of
    it; ``watch``: own messages on it that may yet change.

    Answers ``others`` and ``news`` as markup, and ``own``: element to markup, for those watched.
    """
    kind = PresenceKind.WRITING if request.form.get("kind") == "writing" else PresenceKind.VIEWING
    seen = read_seen(request.form.get("seen", ""))
    store = desk().store
    now = store.clock.now()
    with store.write() as session:
        if session.get(Case, case_id) is None:
            abort(404)
        presence.come(session, case_id, me().id, kind, now)
    with store.read() as session:
        people = _people(session)
        who = others(session, case_id, me().id, people, now)
        stop = news(session, case_id, seen, me().id, people) if seen else None
        own = own_rows(session, _watched(), me().id, people)
    around = {**surroundings(read({})), "after": ""}
    return jsonify(
        others=render_template("answering/others.html", others=who),
        news=render_template("answering/news.html", stop=stop) if stop else "",
        own={
            entry.element: render_template("answering/own_alone.html", entry=entry, **around)
            for entry in own
        },
    )


@background
def gone(case_id: int) -> ResponseReturnValue:
    """Someone closed the case's page."""
    with desk().store.write() as session:
        presence.leave(session, case_id, me().id)
    return "", 204


@background
def weigh(case_id: int) -> ResponseReturnValue:
    """What sending ``text`` would come to now: ``facts``, way to answer to markup, and ``gaps``,
    markup that asks for open places."""
    text = clean(request.form.get("text", "").replace("\r\n", "\n"))[0][:TEXT_LIMIT]
    now = desk().store.clock.now()
    with desk().store.read() as session:
        target = target_of(session, case_id, row_number(request.form.get("message")))
        if target is None:
            abort(404)
        number = row_number(request.form.get("picture_id"))
        picture = known(session, number, request.form.get("picture_alt", "")) if number else None
        options = [
            outlook(session, target, deed, text, desk().rules, now, picture)
            for deed in deeds_for(target)
        ]
    return jsonify(
        facts={
            option.deed.value: render_template(
                "answering/facts_alone.html", option=option, target=target, says=words
            )
            for option in options
        },
        gaps=render_template("answering/gaps_alone.html", gaps=gaps(text, {})),
    )


def _watched() -> list[int]:
    found = [row_number(word) for word in request.form.get("watch", "").split(".")]
    return [number for number in found if number is not None][:WATCH_LIMIT]


def _people(session: Session) -> dict[int, str]:
    return {row.id: row.name for row in session.execute(select(User.id, User.name))}
