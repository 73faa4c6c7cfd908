"""The great promise of intake: however delivery goes, the end is the same.

Hypothesis plays a hostile world: messages and their later versions, with what hangs on them, come
twice, shuffled, cut into other batches, through several sources and accounts; the pipeline works
in between; any step may be cut off at any statement; a worker may be so slow that another takes
over. In the end everything is delivered once more, and the store must hold exactly what one clean
delivery makes it hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from support.content import content, differences
from support.databases import PostgresqlServer, SqliteFiles
from support.factories import SHOP, START
from support.judges import WordJudge
from support.stops import Stopped, stop_at
from support.worlds import OTHER_SHOP, seen_by, worlds

from collectors.intake import take_in
from responder.policy import Policy
from service.pipeline import LEASE, SET_ASIDE, Pipeline
from shenava.clock import SetClock
from shenava.messages import Incoming, Source, Verdict
from shenava.store import Store

INDEX = st.integers(0, 11)
PICKS = st.lists(st.tuples(INDEX, st.sampled_from(Source)), min_size=1, max_size=8)
STATEMENT = st.integers(0, 40)


class _SlowJudge(WordJudge):
    """While it thinks, ``meanwhile`` happens."""

    def __init__(self, meanwhile: Any) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def classify(self, texts: Sequence[str]) -> list[Verdict]:
        self._meanwhile()
        return super().classify(texts)


class Delivery(RuleBasedStateMachine):
    """Set ``databases`` and ``policy`` in a subclass."""

    databases: Any
    policy: Policy

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.clock = SetClock(START)
        self.store = self._open(self.clock)
        self.seen: set[Incoming] = set()

    def _open(self, clock: SetClock) -> Store:
        store = Store(self.stack.enter_context(self.databases.database()), clock)
        self.stack.callback(store.close)
        return store

    @initialize(world=worlds())
    def write(self, world: list[Incoming]) -> None:
        self.world = world

    def _batch(self, picks: Sequence[tuple[int, Source]]) -> list[Incoming]:
        batch = [seen_by(self.world[index % len(self.world)], source) for index, source in picks]
        self.seen.update(batch)
        return batch

    def _pipeline(self, judge: WordJudge | None = None) -> Pipeline:
        return Pipeline(self.store, judge or WordJudge(), self.policy)

    @rule(picks=PICKS)
    def deliver(self, picks: Sequence[tuple[int, Source]]) -> None:
        result = take_in(self.store, self._batch(picks))
        assert result.new + result.duplicate == len(picks)

    @rule(picks=PICKS, statement=STATEMENT)
    def deliver_and_stop(self, picks: Sequence[tuple[int, Source]], statement: int) -> None:
        before = content(self.store)
        try:
            with stop_at(self.store, statement):
                take_in(self.store, self._batch(picks))
        except Stopped:
            assert content(self.store) == before

    @rule(index=INDEX, source=st.sampled_from(Source))
    def deliver_through_another_account(self, index: int, source: Source) -> None:
        """What was seen first decides whose it is; so this comes after the first."""
        item = self.world[index % len(self.world)]
        if item.account == SHOP:
            again = seen_by(item, source, OTHER_SHOP)
            take_in(self.store, [*self._batch([(index, source)]), again])
            self.seen.add(again)

    @rule(limit=st.integers(1, 5))
    def judge(self, limit: int) -> None:
        self._pipeline().run_once(limit)

    @rule(limit=st.integers(1, 5), statement=STATEMENT)
    def judge_and_stop(self, limit: int, statement: int) -> None:
        try:
            with stop_at(self.store, statement):
                self._pipeline().run_once(limit)
        except Stopped:
            pass

    @rule(picks=PICKS, late=st.booleans())
    def judge_slowly(self, picks: Sequence[tuple[int, Source]], late: bool) -> None:
        """While the model thinks, more arrives, and perhaps another worker takes over."""

        def meanwhile() -> None:
            take_in(self.store, self._batch(picks))
            if late:
                self.clock.advance(LEASE)
                self._pipeline().run_once(3)

        self._pipeline(_SlowJudge(meanwhile)).run_once(3)

    @rule(minutes=st.sampled_from([1, 3, 90]))
    def wait(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    def teardown(self) -> None:
        with self.stack:
            if hasattr(self, "world"):
                self._compare()

    def _compare(self) -> None:
        everything = self.world + sorted(self.seen, key=lambda item: item.account != SHOP)
        take_in(self.store, everything)
        self.clock.advance(SET_ASIDE)
        self._pipeline().run_until_idle()

        clean = self._open(SetClock(START))
        for item in everything:
            take_in(clean, [item])
        Pipeline(clean, WordJudge(), self.policy).run_until_idle()

        assert differences(content(self.store), content(clean)) == []


def _run(databases: Any, policy: Policy, **bounds: int) -> None:
    machine = type("Machine", (Delivery,), {"databases": databases, "policy": policy})
    run_state_machine_as_test(
        machine,
        settings=settings(
            stateful_step_count=bounds["steps"],
            max_examples=bounds["examples"],
            # Shrinking such a machine takes longer than a test may; the steps are few enough.
            phases=[Phase.reuse, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


def test_however_delivery_goes_the_end_is_the_same_on_sqlite(
    sqlite_files: SqliteFiles, policy: Policy
) -> None:
    _run(sqlite_files, policy, steps=15, examples=40)


def test_however_delivery_goes_the_end_is_the_same_on_postgresql(
    postgresql: PostgresqlServer, policy: Policy
) -> None:
    _run(postgresql, policy, steps=10, examples=8)
