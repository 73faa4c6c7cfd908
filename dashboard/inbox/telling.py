"""What the next page tells about what was just done, and the way back from it.

Kept in the session for exactly one page: an action answers with a redirect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import session

from dashboard.i18n import gettext as _
from dashboard.i18n import ngettext
from responder.record import Done

_KEY = "inbox_told"

UNDO_LIMIT = 60
"""Cases that can be taken back at once; more than that do not fit into a cookie."""


@dataclass(frozen=True, slots=True)
class Told:
    """``text``: what happened; ``kind``: good, soon (a warning) or urgent (it did not happen).
    ``undo``: fields of the form that takes it back, or nothing."""

    text: str
    kind: str
    undo: dict[str, str]


def tell(text: str, kind: str = "good", undo: dict[str, str] | None = None) -> None:
    """Say ``text`` on the next page."""
    session[_KEY] = {"text": text, "kind": kind, "undo": undo or {}}


def tell_done(done: Done, text: str, undo: dict[str, str] | None = None) -> None:
    """Say what a deed came to: ``text`` for what it changed, and what was left alone, and why."""
    if done.left:
        left = ngettext(
            "%(num)s case was left as it is: the customer wrote again. Read it first.",
            "%(num)s cases were left as they are: the customers wrote again. Read them first.",
            len(done.left),
        )
        tell(f"{text} {left}" if done.changed else left, "soon", undo if done.changed else None)
    elif done.changed:
        tell(text, "good", undo)
    else:
        tell(_("It was like that already. Nothing was changed."), "note")


def undo_of(deed: str, done: Done, **fields: str) -> dict[str, str] | None:
    """The form that takes ``deed`` back, if it is one that fits."""
    if not done.changed or len(done.changed) > UNDO_LIMIT:
        return None
    return {"deed": deed, "cases": ".".join(map(str, done.changed)), **fields}


def take_told() -> Told | None:
    """What is to be told on this page, once."""
    kept: dict[str, Any] | None = session.pop(_KEY, None)
    return Told(kept["text"], kept["kind"], kept["undo"]) if kept else None
