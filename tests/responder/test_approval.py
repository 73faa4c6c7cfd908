"""Promises of approval: what some write is read by somebody else, and leaves as it was read."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select
from support.factories import incoming
from support.platform import Fate, ScriptedPlatform
from support.ringing import add_colleague
from support.shop import connect_shop

from collectors.intake import take_in
from responder import approval, outbox
from responder.collision import Cannot, OutboxError, seen
from responder.outbox import UNDO, Asker, Draft, Plan
from responder.policy import Policy
from responder.record import COMMAND_LINE, act_through
from service.sending import run_due
from shenava.clock import SetClock
from shenava.messages import Deed
from shenava.store import (
    Account,
    AccountState,
    Audit,
    Case,
    CaseState,
    Message,
    OutboxRow,
    OutboxState,
    Store,
    User,
)


class Desk:
    """A shop with a junior, whose answers need approval, and two who may give it."""

    def __init__(self, store: Store, clock: SetClock, policy: Policy) -> None:
        self.store, self.clock, self.policy = store, clock, policy
        self.platform = ScriptedPlatform(clock)
        self.account = connect_shop(store)
        self.sara, self.mina, self.junior = (
            add_colleague(store, name) for name in ("sara", "mina", "junior")
        )
        take_in(store, [incoming("1", written_at=clock.now())])
        with store.write() as session:
            session.get_one(User, self.junior).approval_since = clock.now()
            self.message, self.case = session.execute(select(Message.id, Message.case_id)).one()

    def answer(
        self,
        by: int,
        text: str = "سلام",
        *,
        key: str = "k",
        principal: str = "",
        waits: bool = False,
    ) -> int:
        asker = Asker(principal or f"user:{by}", key, by)
        draft = Draft(Deed.ANSWER, self.account, text, message_id=self.message)
        plan = Plan(state=OutboxState.AWAITING_APPROVAL) if waits else outbox.SOON
        with self.store.write() as session:
            now, rules = self.clock.now(), self.platform.rules
            saw = seen(session, self.case)
            return outbox.enqueue(session, asker, draft, now, rules, seen=saw, plan=plan).id

    def approve(self, by: int, row: int, hash_: str | None = None, saw: int = 0) -> bool:
        with self.store.write() as session:
            read = hash_ or session.get_one(OutboxRow, row).body_hash
            now = self.clock.now()
            return approval.approve(session, by, row, read, now, seen_message_id=saw)

    def send_back(self, by: int, row: int, word: str = "") -> bool:
        with self.store.write() as session:
            return approval.send_back(session, by, row, self.clock.now(), word)

    def work(self, *fates: Fate) -> None:
        self.clock.advance(UNDO)
        self.platform.fates = deque(fates)
        run_due(self.store, self.platform, self.policy, chance=Random(1))

    def row(self, row_id: int) -> OutboxRow:
        with self.store.read() as session:
            return session.get_one(OutboxRow, row_id)

    def waits_for(self, user: int) -> int:
        with self.store.read() as session:
            return approval.how_many(session, user)

    def trail(self) -> list[tuple[str, int | None, str]]:
        with self.store.read() as session:
            rows = session.scalars(select(Audit).order_by(Audit.id))
            return [(row.action, row.user_id, row.details["through"]) for row in rows]


@pytest.fixture
def desk(store: Store, clock: SetClock, policy: Policy) -> Desk:
    return Desk(store, clock, policy)


def test_a_juniors_answer_leaves_once_somebody_else_has_read_it(desk: Desk) -> None:
    row = desk.answer(desk.junior)
    desk.work()
    assert desk.row(row).state is OutboxState.AWAITING_APPROVAL
    assert desk.platform.accepted == []
    assert desk.approve(desk.sara, row)
    assert not desk.approve(desk.mina, row), "once is enough"
    desk.work()
    assert (desk.row(row).state, desk.row(row).approved_by) == (OutboxState.SENT, desk.sara)
    assert desk.platform.times_accepted("سلام") == 1
    assert desk.trail() == [
        ("outbox_queued", desk.junior, "dashboard"),
        ("outbox_approved", desk.sara, "dashboard"),
    ]


def test_nobody_approves_their_own_nor_who_is_read_themselves(desk: Desk) -> None:
    own = desk.answer(desk.sara, waits=True)
    theirs = desk.answer(desk.mina, key="m", waits=True)
    for person, row, why in (
        (desk.sara, own, Cannot.ONES_OWN),
        (desk.junior, theirs, Cannot.MAY_NOT_APPROVE),
        (desk.junior, desk.answer(desk.junior, key="j"), Cannot.ONES_OWN),
        (desk.sara, 999, Cannot.NO_SUCH_ANSWER),
    ):
        for decide in (desk.approve, desk.send_back):
            hash_ = ("x",) if decide == desk.approve else ()
            with pytest.raises(OutboxError) as refused:
                decide(person, row, *hash_)  # type: ignore[operator]
            assert refused.value.code is why
    assert desk.approve(desk.mina, own)


def test_what_a_program_wrote_its_maker_may_approve_unless_they_are_read_too(desk: Desk) -> None:
    row = desk.answer(desk.sara, principal="token:3", waits=True)
    assert desk.approve(desk.sara, row)
    # A junior's program is a junior too.
    row = desk.answer(desk.junior, key="j", principal="token:4")
    assert desk.row(row).state is OutboxState.AWAITING_APPROVAL
    with pytest.raises(OutboxError):
        desk.approve(desk.junior, row)
    assert ("outbox_queued", desk.junior, "token:4") in desk.trail()


def test_what_leaves_is_what_was_read(desk: Desk) -> None:
    row = desk.answer(desk.junior)
    assert not desk.approve(desk.sara, row, "f" * 64)
    assert desk.approve(desk.sara, row)
    with desk.store.write() as session:
        session.get_one(OutboxRow, row).text = "changed behind everyone's back"
    desk.work()
    assert (desk.row(row).state, desk.row(row).reason) == (OutboxState.REFUSED, "changed")
    assert desk.platform.accepted == []


def test_what_is_sent_back_never_leaves_and_its_writer_is_told_why(desk: Desk) -> None:
    row = desk.answer(desk.junior)
    with pytest.raises(OutboxError):
        desk.send_back(desk.sara, row, "x" * 1_001)
    assert desk.send_back(desk.sara, row, " more kindly, please ")
    assert not desk.approve(desk.mina, row)
    assert not desk.send_back(desk.mina, row)
    desk.work()
    kept = desk.row(row)
    assert (kept.state, kept.returned_by) == (OutboxState.CANCELLED, desk.sara)
    assert kept.returned_word == "more kindly, please"
    assert desk.platform.accepted == []
    with desk.store.read() as session:
        told = str(session.scalars(select(Audit.details).order_by(Audit.id.desc())).first())
    assert "kindly" not in told, "words are in no trail"


def test_each_sees_what_waits_for_them(desk: Desk) -> None:
    def waiting() -> tuple[int, int, int]:
        return (
            desk.waits_for(desk.sara),
            desk.waits_for(desk.mina),
            desk.waits_for(desk.junior),
        )

    assert waiting() == (0, 0, 0)
    row = desk.answer(desk.junior)
    assert waiting() == (1, 1, 1)
    desk.send_back(desk.sara, row)
    assert waiting() == (0, 0, 1), "it came back"
    again = desk.answer(desk.junior, "better", key="k2")
    assert waiting() == (1, 1, 1)
    desk.approve(desk.mina, again)
    assert waiting() == (0, 0, 0)
    desk.answer(desk.sara, key="s", waits=True)
    assert waiting() == (0, 1, 0), "one's own waits for the others"


def test_what_came_back_is_settled_by_closing_the_case_too(desk: Desk) -> None:
    desk.send_back(desk.sara, desk.answer(desk.junior))
    with desk.store.write() as session:
        case = session.get_one(Case, desk.case)
        case.state, case.closed_at, case.waiting_since = CaseState.CLOSED, desk.clock.now(), None
    assert desk.waits_for(desk.junior) == 0


def test_who_approves_with_the_new_message_before_them_has_read_it(desk: Desk) -> None:
    blind, aware = desk.answer(desk.junior), desk.answer(desk.junior, "bis", key="k2")
    desk.clock.advance(timedelta(minutes=1))
    take_in(desk.store, [incoming("2", written_at=desk.clock.now())])
    with desk.store.read() as session:
        newest = session.scalars(select(Message.id).order_by(Message.id.desc())).first()
    assert newest is not None
    assert desk.approve(desk.sara, blind)
    assert desk.approve(desk.sara, aware, saw=newest)
    desk.work()
    assert (desk.row(blind).state, desk.row(blind).reason) == (
        OutboxState.REFUSED,
        "customer_wrote",
    )
    assert desk.row(aware).state is OutboxState.SENT


def test_trying_again_needs_no_second_approval_of_the_same_words(desk: Desk) -> None:
    row = desk.answer(desk.junior)
    desk.approve(desk.sara, row)
    desk.work(Fate.PAYMENT)
    assert desk.row(row).state is OutboxState.FAILED

    def retry(row_id: int) -> OutboxState:
        with desk.store.write() as session:
            asker = Asker(f"user:{desk.junior}", f"retry-{row_id}", desk.junior)
            now = desk.clock.now()
            return outbox.retry(session, asker, row_id, now, desk.platform.rules).state

    with desk.store.write() as session:
        account = session.get_one(Account, desk.account)
        account.state, account.paused_because = AccountState.CONNECTED, None
    assert retry(row) is OutboxState.QUEUED
    # Of words that nobody else has read, it is asked again.
    row = desk.answer(desk.sara, key="s")
    desk.work(Fate.FINE, Fate.PAYMENT)
    assert desk.row(row).state is OutboxState.FAILED
    with desk.store.write() as session:
        account = session.get_one(Account, desk.account)
        account.state, account.paused_because = AccountState.CONNECTED, None
    assert retry(row) is OutboxState.AWAITING_APPROVAL


def test_what_is_done_at_the_command_line_says_so(desk: Desk) -> None:
    row = desk.answer(desk.junior)
    with desk.store.write() as session:
        act_through(session, COMMAND_LINE)
        assert outbox.cancel(session, None, row, desk.clock.now())
    assert desk.trail()[-1] == ("outbox_cancelled", None, "command_line")
