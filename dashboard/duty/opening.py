"""Whoever opens the page of a case or a spike that rings puts the next call off."""

from __future__ import annotations

from flask import Response, request

from dashboard.context import desk
from dashboard.reader import person_or_none
from responder import alerts

_PAGES = {
    "inbox.case": ("case_id", alerts.rings, alerts.opened),
    "spikes.one": ("spike_id", alerts.spike_rings, alerts.opened_spike),
}
"""By endpoint: the name of its number, whether that rings, and what puts it off."""


def note_opened(response: Response) -> Response:
    """Called after every request. A page never waits to write: that is done once it is out."""
    page = _PAGES.get(request.endpoint or "")
    if page is None or response.status_code != 200:
        return response
    argument, rings, opened = page
    number = (request.view_args or {})[argument]
    person = person_or_none()
    if person is None:
        return response
    here = desk()
    with here.store.read() as session:
        if not rings(session, number):
            return response
    rules = alerts.rules_of(here.settings)

    def write() -> None:
        with here.store.write() as session:
            opened(session, number, person.id, rules, here.store.clock.now())

    response.call_on_close(write)
    return response
