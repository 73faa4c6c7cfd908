"""The best and the worst hours of a week: those in which complaints were surely rare, or frequent.

Pure. An hour with two messages that both complain is bad luck; one with forty of sixty is a bad
hour. So hours are ranked by the end of the interval that surely holds their share of complaints:
the worst by its lower end, the best by its upper one.
"""

from __future__ import annotations

from dataclasses import dataclass

from reports.change import wilson
from reports.counting import Counts
from reports.figures import By, Figure

LEAST = 10
"""Messages that an hour must have to be named."""
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour: of the ``day``-th day of the week, from ``hour`` o'clock."""

    day: int
    hour: int
    messages: int
    complaints: int

    @property
    def value(self) -> str:
        """As an address names it."""
        return f"{self.day}-{self.hour}"


def extremes(counts: Counts) -> tuple[list[Hour], list[Hour]]:
    """(worst, best), at most three each, the most telling first. No hour is both."""
    found = []
    for day in range(7):
        for hour in range(24):
            value = f"{day}-{hour}"
            messages = counts.of(Figure.MESSAGES, By.HOUR, value)
            if messages >= LEAST:
                complaints = counts.of(Figure.COMPLAINTS, By.HOUR, value)
                found.append(Hour(day, hour, messages, min(messages, complaints)))
    overall = counts.share(Figure.COMPLAINTS, Figure.MESSAGES) or 0.0
    worst = sorted(
        (one for one in found if wilson(one.complaints, one.messages)[0] > overall),
        key=lambda one: (-wilson(one.complaints, one.messages)[0], one.day, one.hour),
    )
    best = sorted(
        (one for one in found if wilson(one.complaints, one.messages)[1] < overall),
        key=lambda one: (wilson(one.complaints, one.messages)[1], one.day, one.hour),
    )
    return worst[:MOST_NAMED], best[:MOST_NAMED]
