"""What reading back costs before it is done: the figures that are shown and confirmed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from shenava.channels.x import rules
from shenava.messages import Platform, Source

SOURCES = {
    Platform.X: (Source.MENTION, Source.INBOX, Source.OWN, Source.SEARCH),
    Platform.INSTAGRAM: (Source.COMMENT, Source.INBOX, Source.MENTION, Source.SEARCH),
}
"""What can be read from an account, in the order in which it is shown."""

MOST_DAYS = 365


@dataclass(frozen=True, slots=True)
class Line:
    """What reading one source back may cost. Money in millionths of a US dollar.

    ``each``: a message. ``at_most``: all of it; ``None`` where the platform sets no bound, so that
    only the month's limit does. ``beyond``: each message that the bound does not count, read
    by a search. ``days``: how far back it can really go; ``None`` for as far as there is.
    """

    source: Source
    query: str
    each: int
    at_most: int | None
    beyond: int | None
    days: int | None


@dataclass(frozen=True, slots=True)
class Price:
    """All lines together. ``bounded``: the sum of what has a bound."""

    lines: tuple[Line, ...]

    @property
    def bounded(self) -> int:
        return sum(line.at_most or 0 for line in self.lines)

    @property
    def is_bounded(self) -> bool:
        return all(line.at_most is not None and line.beyond is None for line in self.lines)


def backfill_price(
    wanted: Iterable[tuple[Source, str]],
    days: int,
    *,
    owns_app: bool = True,
    platform: Platform = Platform.X,
) -> Price:
    """What reading these (source, query) back ``days`` days may cost; no lines where nothing
    does."""
    if platform is not Platform.X:
        return Price(())
    return Price(tuple(_line(source, query, days, owns_app) for source, query in wanted))


def _line(source: Source, query: str, days: int, owns_app: bool) -> Line:
    resource = rules.resource_of(source, owns_app=owns_app)
    age = rules.REACH[source].age
    beyond = None
    if source is Source.MENTION:
        # Older than the 800 that the timeline holds is looked for by search, seven days back.
        beyond = rules.PRICES[rules.resource_of(Source.SEARCH)].micros
    return Line(
        source=source,
        query=query,
        each=rules.PRICES[resource].micros,
        at_most=rules.backfill_price(source, owns_app=owns_app),
        beyond=beyond,
        days=days if age is None else min(days, age // timedelta(days=1)),
    )
