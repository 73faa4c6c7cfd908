"""One page out of many, as X cuts them: newest first, between ids and times, at most so many.

A page token stands for the id that the next page begins below: it does not expire, and gives the
same page however often it is used (X docs, "Pagination", read 2026-08).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from rehearsal.records import Json
from rehearsal.x import problems
from rehearsal.x.ids import first_id_at
from rehearsal.x.model import DirectMessage, Post

PAGING = ("since_id", "until_id", "start_time", "end_time", "max_results", "pagination_token")

_ID = re.compile(r"[0-9]{1,19}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")
_TOKEN = re.compile(r"7140dibdnow9c7btw([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What was asked: ids strictly between ``above`` and ``below``, at most ``most``."""

    above: int
    below: int | None
    most: int


def read(
    arguments: Mapping[str, str], *, least: int, usual: int, now: datetime, most: int = 100
) -> Bounds:
    """Read the paging parameters. ``least`` to ``most`` may be asked for, ``usual`` is what one
    gets unasked. Raises the 400 for what is not to be read."""
    amount = usual
    if "max_results" in arguments:
        value = arguments["max_results"]
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise problems.invalid(
                f"The `max_results` query parameter value [{value}] is not between {least} and "
                f"{most}",
                max_results=value,
            )
        amount = int(value)
    above = 0
    below: list[int] = []
    if "since_id" in arguments:
        above = _id(arguments, "since_id")
    if "until_id" in arguments:
        below.append(_id(arguments, "until_id"))
    if "start_time" in arguments and "since_id" not in arguments:
        above = first_id_at(_time(arguments, "start_time")) - 1
    if "end_time" in arguments:
        end = _time(arguments, "end_time")
        if end > now - timedelta(seconds=10):
            raise problems.invalid(
                f"Invalid 'end_time':'{arguments['end_time']}'. 'end_time' must be a minimum of 10 "
                "seconds prior to the request time.",
                end_time=arguments["end_time"],
            )
        below.append(first_id_at(end))
    for name in ("pagination_token", "next_token"):
        if name in arguments:
            found = _TOKEN.fullmatch(arguments[name])
            if found is None:
                raise problems.invalid(
                    f"The `{name}` query parameter value [{arguments[name]}] is not valid",
                    **{name: arguments[name]},
                )
            below.append(int(found[1]))
    return Bounds(above, min(below) if below else None, amount)


def _id(arguments: Mapping[str, str], name: str) -> int:
    value = arguments[name]
    if not _ID.fullmatch(value):
        raise problems.invalid(
            f"The `{name}` query parameter value [{value}] is not valid", **{name: value}
        )
    return int(value)


def _time(arguments: Mapping[str, str], name: str) -> datetime:
    value = arguments[name]
    try:
        if not _TIME.fullmatch(value):
            raise ValueError(value)
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        raise problems.invalid(
            f"The `{name}` query parameter value [{value}] is not a valid RFC3339 date-time",
            **{name: value},
        ) from None


def cut(
    found: Iterable[Post | DirectMessage],
    bounds: Bounds,
    shape: Callable[..., Json],
    *,
    with_ids: bool = True,
) -> tuple[list[Json], Json]:
    """The page of ``found`` (newest first) and its ``meta``. Stops at ``bounds.above``."""
    page: list[Post | DirectMessage] = []
    more = False
    for one in found:
        number = int(one.id)
        if number <= bounds.above:
            break
        if bounds.below is not None and number >= bounds.below:
            continue
        if len(page) == bounds.most:
            more = True
            break
        page.append(one)
    meta: Json = {"result_count": len(page)}
    if page and with_ids:
        meta["newest_id"], meta["oldest_id"] = page[0].id, page[-1].id
    if more:
        meta["next_token"] = f"7140dibdnow9c7btw{page[-1].id}"
    return [shape(one) for one in page], meta


def newest(found: Iterable[Post], window: int) -> Iterator[Post]:
    """Only the newest so many of a timeline can be had (X docs, "Timelines": 800 mentions, 3,200
    posts)."""
    return islice(found, window)


def body(data: list[Json], meta: Json, includes: Json, errors: list[Json]) -> Json:
    """An answer of many: what is empty is left out, as X does."""
    parts = (("data", data), ("includes", includes), ("errors", errors))
    return {**{name: value for name, value in parts if value}, "meta": meta}
