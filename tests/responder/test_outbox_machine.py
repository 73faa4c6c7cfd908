"""The great promise of sending: whatever breaks, nobody is sent anything twice.

Hypothesis plays a hostile day: answers are written, undone, approved by nobody, sent by workers
that are killed at any statement or between the commit and the request, that freeze until another
takes over, that never get an answer; platforms refuse, vanish, hide what they did; echoes come
before and after. In the end every answer has exactly one fate, and it is the platform's truth.
"""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select
from support.databases import PostgresqlServer, SqliteFiles
from support.factories import START, incoming
from support.platform import PRICE, Fate, Killed, ScriptedPlatform, kill, per_account
from support.shop import add_person, connect_shop
from support.stops import stop_at

from collectors.intake import take_in
from responder import outbox
from responder.answered import take_own
from responder.dispatch import CLAIM_LEASE, FENCE, SENDING_LEASE
from responder.outbox import Asker, Conflict, Draft, OutboxError, Plan
from responder.policy import Policy
from service.sending import run_due
from shenava.clock import SetClock
from shenava.messages import Deed
from shenava.store import (
    Case,
    Fact,
    FactKind,
    Message,
    OutboxRow,
    OutboxState,
    OwnMessageRow,
    Spend,
    Store,
)

CUSTOMERS = 3
LIMIT, WINDOW = 3, timedelta(minutes=15)

FATES = st.lists(
    st.sampled_from([Fate.FINE, Fate.FINE, *set(Fate) - {Fate.UNAUTHORISED, Fate.PAYMENT}]),
    max_size=4,
)
PICK = st.integers(0, 30)
STATEMENT = st.integers(0, 60)


class Sending(RuleBasedStateMachine):
    """Set ``databases`` and ``policy`` in a subclass."""

    databases: Any
    policy: Policy

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.clock = SetClock(START)
        self.store = Store(self.stack.enter_context(self.databases.database()), self.clock)
        self.stack.callback(self.store.close)
        self.platform = ScriptedPlatform(self.clock, limits=(per_account(LIMIT, WINDOW),))
        self.platform.meanwhile = self._another_works
        self.account = connect_shop(self.store)
        self.texts: dict[str, int] = {}
        self.written = 0

    @initialize()
    def customers_write(self) -> None:
        take_in(self.store, [incoming(f"c{n}", author=f"customer{n}") for n in range(CUSTOMERS)])
        self.person = add_person(self.store)

    # What people do.

    @rule(
        customers=st.lists(st.integers(0, CUSTOMERS - 1), min_size=1, max_size=3),
        plan=st.sampled_from(["soon", "soon", "later", "expires", "draft"]),
    )
    def answer(self, customers: list[int], plan: str) -> None:
        for customer in customers:
            self._answer(customer, plan)

    def _answer(self, customer: int, plan: str) -> None:
        now = self.clock.now()
        plans = {
            "soon": Plan(not_before=now),
            "later": Plan(not_before=now + timedelta(minutes=20)),
            "expires": Plan(not_before=now, expires_at=now + timedelta(hours=1)),
            "draft": Plan(state=OutboxState.DRAFT),
        }
        self.written += 1
        text = f"answer {self.written}"
        self.texts[text] = self._enqueue(text, customer, plans[plan])

    @rule(pick=PICK, same=st.booleans())
    def press_again(self, pick: int, same: bool) -> None:
        """The browser asks again: the connection broke, or a bug made it use a key twice."""
        if not self.texts:
            return
        text, row_id = list(self.texts.items())[pick % len(self.texts)]
        with self.store.read() as session:
            message = session.get_one(OutboxRow, row_id).message_id
            assert message is not None
        try:
            again = self._enqueue(text if same else text + "!", message - 1, Plan(), key=text)
            assert same
            assert again == row_id
        except Conflict:
            assert not same

    def _enqueue(self, text: str, customer: int, plan: Plan, key: str | None = None) -> int:
        with self.store.write() as session:
            message = session.scalars(
                select(Message.id).where(Message.native_key == f"c{customer}")
            ).one()
            draft = Draft(Deed.ANSWER, self.account, text, message_id=message)
            asker = Asker("user:1", key or text, None)
            row = outbox.enqueue(
                session, asker, draft, self.clock.now(), self.platform.rules, plan=plan
            )
            return row.id

    @rule(pick=PICK)
    def undo(self, pick: int) -> None:
        if row_id := self._pick(pick):
            with self.store.write() as session:
                outbox.cancel(session, self.person, row_id, self.clock.now())

    @rule(pick=PICK)
    def try_again(self, pick: int) -> None:
        if row_id := self._pick(pick):
            with self.store.write() as session, suppress(OutboxError):
                asker = Asker("user:1", f"retry {row_id}")
                outbox.retry(session, asker, row_id, self.clock.now(), self.platform.rules)

    @rule()
    def settle(self) -> None:
        """A person looks at what the machine could not find, and tells the truth."""
        with self.store.read() as session:
            open_ = session.execute(
                select(OutboxRow.id, OutboxRow.text).where(
                    OutboxRow.state == OutboxState.UNKNOWN, OutboxRow.look_at.is_(None)
                )
            ).all()
        for row_id, text in open_:
            keys = [key for _, key, sent in self.platform.accepted if sent.text == text]
            with self.store.write() as session:
                assert outbox.settle(
                    session,
                    self.person,
                    row_id,
                    self.clock.now(),
                    self.policy,
                    sent=bool(keys),
                    native_key=keys[0] if keys else None,
                )

    @rule(customer=st.integers(0, CUSTOMERS - 1))
    def customer_writes_again(self, customer: int) -> None:
        self.written += 1
        take_in(
            self.store,
            [
                incoming(
                    f"again{self.written}",
                    author=f"customer{customer}",
                    written_at=self.clock.now(),
                )
            ],
        )

    # What workers and platforms do.

    @rule(fates=FATES)
    def work(self, fates: list[Fate]) -> None:
        self._work(fates)

    @rule(fates=FATES, statement=STATEMENT)
    def work_and_be_killed(self, fates: list[Fate], statement: int) -> None:
        self._work(fates, stop_at(self.store, statement, kill))

    @rule(fates=FATES, statement=STATEMENT, long=st.sampled_from([FENCE, SENDING_LEASE]))
    def work_and_freeze(self, fates: list[Fate], statement: int, long: timedelta) -> None:
        """The machine sleeps at some statement; when it wakes, leases may have run out."""
        self._work(fates, stop_at(self.store, statement, lambda: self.clock.advance(long)))

    @rule(fates=FATES, lease=st.sampled_from([CLAIM_LEASE, SENDING_LEASE]))
    def work_slowly(self, fates: list[Fate], lease: timedelta) -> None:
        self.slow_by = lease
        self._work([Fate.SLOW, *fates])

    slow_by = timedelta(0)

    def _another_works(self) -> None:
        """While one request is under way, its worker's lease may end and another takes up."""
        by, self.slow_by = self.slow_by, timedelta(0)
        if by:
            self.clock.advance(by)
            run_due(self.store, self.platform, self.policy, chance=Random(1))

    def _work(
        self, fates: list[Fate], meanwhile: AbstractContextManager[None] | None = None
    ) -> None:
        self.platform.fates = deque(fates)
        with suppress(Killed), meanwhile or nullcontext():
            run_due(self.store, self.platform, self.policy, chance=Random(1))
        self.platform.fates.clear()
        self._remember_doubts()

    def _remember_doubts(self) -> None:
        """A kill between the commit and the answer: nobody can know what became of these."""
        with self.store.read() as session:
            self.platform.doubtful.update(
                session.scalars(
                    select(OutboxRow.text).where(OutboxRow.state == OutboxState.SENDING)
                )
            )

    @rule()
    def echoes_come(self) -> None:
        with self.store.write() as session:
            take_own(session, self.account, self.platform.echoes(), self.clock.now(), self.policy)

    @rule(visible=st.booleans())
    def reading_back(self, visible: bool) -> None:
        self.platform.visible = visible

    @rule(seconds=st.sampled_from([1, 10, 61, 200, 400, 4000]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def _pick(self, pick: int) -> int | None:
        with self.store.read() as session:
            ids = session.scalars(select(OutboxRow.id).order_by(OutboxRow.id)).all()
        return ids[pick % len(ids)] if ids else None

    # What must hold, always and in the end.

    @invariant()
    def nothing_is_accepted_twice(self) -> None:
        for text in self.texts:
            assert self.platform.times_accepted(text) <= 1, text

    @invariant()
    def what_was_taken_back_was_never_sent(self) -> None:
        with self.store.read() as session:
            texts = session.scalars(
                select(OutboxRow.text).where(OutboxRow.state == OutboxState.CANCELLED)
            ).all()
            elsewhere = set(
                session.scalars(
                    select(OutboxRow.text).where(OutboxRow.state != OutboxState.CANCELLED)
                )
            )
        for text in set(texts) - elsewhere:
            assert self.platform.times_accepted(text) == 0

    @invariant()
    def unknown_is_only_what_was_hidden(self) -> None:
        with self.store.read() as session:
            unknown = session.scalars(
                select(OutboxRow.text).where(OutboxRow.state == OutboxState.UNKNOWN)
            ).all()
        assert set(unknown) <= self.platform.doubtful

    @invariant()
    def the_pace_is_kept(self) -> None:
        times = sorted(at for at, _, _ in self.platform.accepted)
        for at, later in zip(times, times[LIMIT:], strict=False):
            assert later - at >= WINDOW

    def teardown(self) -> None:
        with self.stack:
            self._end_of_the_day()

    def _end_of_the_day(self) -> None:
        with self.store.write() as session:
            for row in session.scalars(
                select(OutboxRow).where(OutboxRow.state == OutboxState.DRAFT)
            ):
                outbox.cancel(session, None, row.id, self.clock.now())
        for _ in range(40):
            self.clock.advance(timedelta(minutes=20))
            if not self._work_to_the_end():
                break
        self.nothing_is_accepted_twice()
        self.the_pace_is_kept()
        self.echoes_come()
        with self.store.read() as session:
            rows = session.scalars(select(OutboxRow)).all()
            own = session.scalars(select(OwnMessageRow)).all()
            cases = session.scalars(select(Case)).all()
            spent = session.scalar(
                select(func.sum(Spend.micros)).where(Spend.what == "send:answer")
            )
            sent_facts = session.scalar(
                select(func.count()).where(Fact.kind == FactKind.ANSWER_SENT)
            )
        assert all(row.state.is_final for row in rows), [row.state for row in rows]
        sent = [row for row in rows if row.state is OutboxState.SENT]
        assert sorted(row.text for row in sent) == sorted(
            item.text for _, _, item in self.platform.accepted
        )
        assert sent_facts == len(sent)
        assert {row.native_key: row.id for row in sent} == {
            item.native_key: item.outbox_id for item in own
        }
        assert (spent or 0) == PRICE * len(sent)
        for row in sent:
            # A worker that had slept since the departure was committed sent nothing.
            at = next(at for at, key, _ in self.platform.accepted if key == row.native_key)
            assert row.sending_at is not None
            assert at - row.sending_at < FENCE
        answered = {row.case_id for row in sent}
        for case in cases:
            assert (case.first_response_at is not None) == (case.id in answered)

    def _work_to_the_end(self) -> bool:
        self.settle()
        self._work([])
        with self.store.read() as session:
            states = session.scalars(select(OutboxRow.state)).all()
        return not all(state.is_final for state in states)


def _run(databases: Any, policy: Policy, **bounds: int) -> None:
    machine = type("Machine", (Sending,), {"databases": databases, "policy": policy})
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


def test_whatever_breaks_nobody_is_sent_anything_twice_on_sqlite(
    sqlite_files: SqliteFiles, policy: Policy
) -> None:
    _run(sqlite_files, policy, steps=25, examples=60)


def test_whatever_breaks_nobody_is_sent_anything_twice_on_postgresql(
    postgresql: PostgresqlServer, policy: Policy
) -> None:
    _run(postgresql, policy, steps=20, examples=10)
