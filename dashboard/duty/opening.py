"""Whoever opens the page of a case that rings puts the next call off."""

from __future__ import annotations

from flask import Response, request

from dashboard.context import desk
from dashboard.reader import person_or_none
from responder import alerts


def note_opened(response: Response) -> Response:
    """Called after every request. A page never waits to write: that is done once it is out."""
    case_id = (request.view_args or {}).get("case_id")
    if request.endpoint != "inbox.case" or response.status_code != 200 or case_id is None:
        return response
    person = person_or_none()
    if person is None:
        return response
    here = desk()
    with here.store.read() as session:
        if not alerts.rings(session, case_id):
            return response
    rules = alerts.rules_of(here.settings)

    def write() -> None:
        with here.store.write() as session:
            alerts.opened(session, case_id, person.id, rules, here.store.clock.now())

    response.call_on_close(write)
    return response
