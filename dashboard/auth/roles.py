"""Who may open what: marks on views, held by one guard that refuses by default."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import abort

from dashboard.reader import me
from shenava.store import Role

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Open ``view`` to everyone; all other views ask for a sign-in."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def background(view: View) -> View:
    """Mark ``view`` as asked for by a page, not by a person: it does not keep a session alive."""
    view.is_background = True  # type: ignore[attr-defined]
    return view


def needs(role: Role) -> Callable[[View], View]:
    """Refuse (403) everyone who is signed in with another role."""

    def mark(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if me().role is not role:
                abort(403)
            return view(*args, **kwargs)

        return guarded  # type: ignore[return-value]

    return mark
