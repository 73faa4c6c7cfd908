"""How many requests a token may make: counted by the minute of the clock, in the database.

One statement counts and decides, so that the limit holds for any number of processes.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, or_

from shenava.store import ApiUse, Store
from shenava.store.bulk import insert_into, larger

WINDOW = 60
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Where a token stands. ``resets_in``: whole seconds until its next minute begins."""

    limit: int
    left: int
    resets_in: int
    allowed: bool

    @property
    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-10 writes it."""
        return {
            "RateLimit-Policy": f'"minute";q={self.limit};w={WINDOW}',
            "RateLimit": f'"minute";r={self.left};t={self.resets_in}',
        }


def count_request(store: Store, token_id: int, limit: int) -> Pace:
    """Count one request of a token, if ``limit`` a minute lets it through."""
    seconds = int(store.clock.now().timestamp())
    minute = seconds // WINDOW
    with store.write() as session:
        new = insert_into(session, ApiUse).values(token_id=token_id, minute=minute, requests=1)
        is_over = ApiUse.minute < new.excluded.minute
        used = session.scalar(
            new.on_conflict_do_update(
                index_elements=["token_id"],
                set_={
                    # The clocks of two processes may differ a little; a minute never comes back.
                    "minute": larger(ApiUse.minute, new.excluded.minute),
                    "requests": case((is_over, 1), else_=ApiUse.requests + 1),
                },
                where=or_(is_over, ApiUse.requests < limit),
            ).returning(ApiUse.requests)
        )
    left = 0 if used is None else limit - used
    return Pace(limit, max(left, 0), WINDOW - seconds % WINDOW, used is not None)
