"""The page of one spike: what people say, and what can be done about it."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from dashboard.context import desk
from dashboard.i18n import gettext as _
from dashboard.reader import me
from responder import spikes
from responder.spikes import Shown
from shenava.store import Message, Spike


def on() -> list[Shown]:
    """The spikes that are on, for every page."""
    with desk().store.read() as session:
        return spikes.shown(session)


def one(spike_id: int) -> ResponseReturnValue:
    with desk().store.read() as session:
        row = session.get(Spike, spike_id)
        if row is None:
            abort(404)
        shown = spikes.shown_with(session, row)
        examples = session.scalars(
            select(Message)
            .where(Message.id.in_(row.examples), Message.removed_at.is_(None))
            .order_by(Message.written_at, Message.id)
        ).all()
    return render_template("spikes/page.html", shown=shown, spike=row, examples=examples)


def dismiss(spike_id: int) -> ResponseReturnValue:
    """A person says that it is no outage."""
    store = desk().store
    with store.write() as session:
        if session.get(Spike, spike_id) is None:
            abort(404)
        now = store.clock.now()
        numbers = spikes.alike(session, spike_id)
        done = [spikes.dismiss(session, me().id, one, now) for one in numbers]
    if any(done):
        flash(_("Noted: no outage. It is not shown again while it lasts."), "good")
    return redirect(url_for("spikes.one", spike_id=spike_id))
