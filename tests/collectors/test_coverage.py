"""What is covered, what is a gap, and when silence is an alarm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from support.factories import START, incoming
from support.platform import ScriptedPlatform
from support.shop import add_feed, connect_shop

from collectors.coverage import Stretch, claimed_from, holes, stitch
from collectors.health import (
    Habit,
    Health,
    expiry_warning,
    habit_of,
    health,
    hour_of_week,
    is_silent,
)
from collectors.intake import take_in
from collectors.pace import FIRST_BACK_OFF, LONGEST_BACK_OFF, back_off, next_turn
from responder.policy import Policy
from service.collecting import run_due
from shenava.channels import Page, Reads
from shenava.clock import SetClock
from shenava.messages import Source
from shenava.store import Account, AccountState, Feed, Store


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def stretch(start: int, end: int) -> Stretch:
    return Stretch(at(start), at(end))


STRETCHES = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 10)).map(
        lambda pair: stretch(pair[0], pair[0] + pair[1])
    ),
    max_size=8,
)


@given(STRETCHES)
def test_stitched_stretches_cover_the_same_minutes_apart_and_in_order(
    found: list[Stretch],
) -> None:
    stitched = stitch(found)
    assert all(one.end < two.start for one, two in pairwise(stitched))
    assert _minutes(stitched) == _minutes(found)


@given(STRETCHES)
def test_holes_are_exactly_what_is_not_covered(found: list[Stretch]) -> None:
    within = stretch(5, 45)
    missing = holes(found, within)
    covered = _minutes(found)
    assert _minutes(missing) == {half for half in _minutes([within]) if half not in covered}


def _minutes(stretches: list[Stretch]) -> set[datetime]:
    """The middles of the minutes that lie in the stretches."""
    return {
        one.start + timedelta(minutes=n, seconds=30)
        for one in stretches
        for n in range(int((one.end - one.start) / timedelta(minutes=1)))
    }


def _page(covered_from: datetime | None = None) -> Page:
    return Page((), (), {}, True, Reads(), covered_from=covered_from, covered_to=at(10))


@pytest.mark.parametrize(
    ("page", "since", "gap", "claimed"),
    [
        (_page(), at(0), False, at(0)),
        (_page(at(3)), at(0), False, at(3)),
        (_page(at(3)), at(0), True, at(3)),
        # Without a word on how far it reached, a reading with a gap claims only its own end,
        (_page(), at(0), True, at(10)),
        # and so does a first one.
        (_page(), None, False, at(10)),
        (_page(at(11)), at(0), False, at(10)),
    ],
)
def test_a_reading_claims_no_more_than_it_knows(
    page: Page, since: datetime | None, gap: bool, claimed: datetime
) -> None:
    assert claimed_from(page, since, gap) == claimed


@given(st.integers(1, 10_000), st.randoms(use_true_random=False))
def test_back_off_grows_to_a_limit_and_is_spread(failures: int, chance: Random) -> None:
    wait = back_off(failures, chance)
    whole = min(FIRST_BACK_OFF * 2 ** min(failures - 1, 10), LONGEST_BACK_OFF)
    assert whole / 2 <= wait <= whole


@given(st.integers(1, 86_400), st.randoms(use_true_random=False))
def test_turns_are_spread_by_a_tenth(every: int, chance: Random) -> None:
    turn = next_turn(every, chance) / timedelta(seconds=every)
    assert 0.899 < turn < 1.101


def test_the_week_begins_on_sunday_in_utc() -> None:
    assert hour_of_week(datetime(2026, 1, 4, 0, 30, tzinfo=UTC)) == 0
    assert hour_of_week(datetime(2026, 1, 3, 23, 59, tzinfo=UTC)) == 167


def test_silence_is_told_from_quiet_by_the_feeds_own_habit() -> None:
    # Sixty an hour by day, nothing from 20 to 5 o'clock UTC.
    habit = Habit({hour: 60.0 for hour in range(168) if 5 <= hour % 24 < 20}, weeks=8)
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert not is_silent(habit, noon - timedelta(minutes=6), noon)
    assert is_silent(habit, noon - timedelta(minutes=8), noon)
    night = datetime(2026, 1, 5, 20, tzinfo=UTC)
    assert not is_silent(habit, night, night + timedelta(hours=9))
    assert is_silent(habit, night, night + timedelta(hours=9, minutes=8))
    young = Habit(habit.mean, weeks=1.9)
    assert not is_silent(young, noon - timedelta(days=3), noon)


def test_a_habit_is_learned_alike_on_both_databases(store: Store, clock: SetClock) -> None:
    account = connect_shop(store)
    feed_id = add_feed(store, account)
    written = [
        START - timedelta(weeks=week, minutes=minute) for week in range(1, 5) for minute in range(9)
    ]
    take_in(
        store,
        [incoming(f"h{n}", written_at=moment) for n, moment in enumerate(written)]
        + [incoming("s", source=Source.SEARCH)],
    )
    with store.read() as session:
        habit = habit_of(session, session.get_one(Feed, feed_id), clock.now())
    assert habit.weeks == pytest.approx(4, abs=0.01)
    # 6:30 on a Saturday, and the nine minutes before.
    assert habit.mean == {150: pytest.approx(9, abs=0.02)}


@pytest.mark.parametrize(
    ("days", "warning"),
    [(20, None), (14, 14), (8, 14), (7, 7), (1.5, 7), (0.9, 1), (0, 0), (-3, 0)],
)
def test_a_token_that_will_end_is_warned_of_in_time(days: float, warning: int | None) -> None:
    assert expiry_warning(START + timedelta(days=days), START) == warning


def test_a_token_without_end_is_never_warned_of() -> None:
    assert expiry_warning(None, START) is None


def test_health_tells_what_is_wrong(store: Store, clock: SetClock, policy: Policy) -> None:
    platform = ScriptedPlatform(clock)
    account_id = connect_shop(store)
    feed_id = add_feed(store, account_id)
    platform.write(incoming("1"))

    def now_is() -> Health:
        with store.read() as session:
            return health(
                session,
                session.get_one(Feed, feed_id),
                session.get_one(Account, account_id),
                clock.now(),
            )

    run_due(store, platform, policy)
    well = now_is()
    assert well.is_well
    clock.advance(timedelta(minutes=10))
    late = now_is()
    assert late.late and not late.is_well
    with store.write() as session:
        session.execute(
            update(Account).values(state=AccountState.UNAUTHORISED, token_expires_at=clock.now())
        )
    dead = now_is()
    assert (dead.state, dead.expiry_days) == (AccountState.UNAUTHORISED, 0)
