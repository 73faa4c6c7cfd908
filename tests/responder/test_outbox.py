"""Promises of the outbox: once, never twice; undone in time; nobody steps on a colleague."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import func, select
from support.databases import PostgresqlServer, SqliteFiles
from support.factories import incoming
from support.platform import PRICE, Fate, ScriptedPlatform, per_account
from support.shop import add_person, connect_shop
from support.stops import stop_at

from collectors.intake import take_in
from responder import outbox
from responder.answered import take_own
from responder.collision import Collision, CollisionKind, Seen, seen
from responder.dispatch import CLAIM_LEASE, FENCE, MAX_ATTEMPTS, SENDING_LEASE, claim_due
from responder.outbox import UNDO, Asker, Conflict, Draft, OutboxError, Plan
from responder.policy import Policy
from responder.unknowns import LOOK_AFTER, SURE_AFTER
from service.sending import run_due
from shenava.channels import Outgoing
from shenava.clock import SetClock
from shenava.messages import Deed, MessageKind
from shenava.store import (
    Account,
    AccountState,
    App,
    Case,
    Fact,
    FactKind,
    Identity,
    Message,
    OutboxRow,
    OutboxState,
    OwnMessageRow,
    RemovedBecause,
    Spend,
    Store,
)
from shenava.store.removal import strip


class Desk:
    """A shop with one case, and the deeds of the people who answer it."""

    def __init__(self, store: Store, clock: SetClock, policy: Policy) -> None:
        self.store, self.clock, self.policy = store, clock, policy
        self.platform = ScriptedPlatform(clock)
        self.account = connect_shop(store)
        take_in(store, [incoming("1")])
        with store.write() as session:
            self.message, self.case = session.execute(select(Message.id, Message.case_id)).one()
        for name in ("sara", "omid"):
            add_person(store, name)

    def draft(self, text: str = "سلام") -> Draft:
        return Draft(Deed.ANSWER, self.account, text, message_id=self.message)

    def answer(
        self,
        text: str = "سلام",
        *,
        key: str = "k",
        user: int = 1,
        plan: Plan = outbox.SOON,
        seen: Seen | None = None,
    ) -> int:
        asker = Asker(f"user:{user}", key, user)
        with self.store.write() as session:
            return outbox.enqueue(
                session,
                asker,
                self.draft(text),
                self.clock.now(),
                self.platform.rules,
                seen=seen,
                plan=plan,
            ).id

    def seen(self) -> Seen:
        with self.store.read() as session:
            return seen(session, self.case)

    def work(self, *fates: Fate) -> int:
        self.platform.fates = deque(fates)
        return run_due(self.store, self.platform, self.policy, chance=Random(1))

    def wait(self, by: timedelta = UNDO) -> None:
        self.clock.advance(by)

    def row(self, row_id: int) -> OutboxRow:
        with self.store.read() as session:
            return session.get_one(OutboxRow, row_id)

    def state(self, row_id: int) -> OutboxState:
        return self.row(row_id).state

    def the_case(self) -> Case:
        with self.store.read() as session:
            return session.get_one(Case, self.case)

    def facts(self, kind: FactKind) -> int:
        with self.store.read() as session:
            return session.scalar(select(func.count()).where(Fact.kind == kind)) or 0

    def spent(self) -> tuple[int, int]:
        with self.store.read() as session:
            row = session.execute(
                select(func.sum(Spend.count), func.sum(Spend.micros)).where(
                    Spend.what == "send:answer"
                )
            ).one()
        return int(row[0] or 0), int(row[1] or 0)

    def echo(self) -> None:
        with self.store.write() as session:
            take_own(session, self.account, self.platform.echoes(), self.clock.now(), self.policy)


@pytest.fixture
def desk(store: Store, clock: SetClock, policy: Policy) -> Desk:
    return Desk(store, clock, policy)


def test_an_answer_leaves_after_the_undo_is_over_and_stops_the_clock(desk: Desk) -> None:
    row = desk.answer()
    assert desk.work() == 0
    desk.wait()
    desk.work()
    assert desk.state(row) is OutboxState.SENT
    assert desk.row(row).native_key == "sent-0"
    case = desk.the_case()
    assert (case.waiting_since, case.needs_answer, case.due_at) == (None, False, None)
    assert case.first_response_at == case.answered_at == desk.clock.now()
    assert desk.facts(FactKind.FIRST_RESPONSE) == desk.facts(FactKind.ANSWER_SENT) == 1
    assert desk.spent() == (1, PRICE)


def test_the_same_key_gives_the_same_row_and_another_body_is_refused(desk: Desk) -> None:
    assert desk.answer() == desk.answer()
    with pytest.raises(Conflict) as raised:
        desk.answer("something else")
    assert raised.value.row_id == desk.answer()
    desk.wait()
    desk.work()
    assert desk.answer() == 1
    assert len(desk.platform.accepted) == 1


def test_the_same_key_asked_by_many_at_once_makes_one_row(desk: Desk) -> None:
    with ThreadPoolExecutor(4) as pool:
        rows = set(pool.map(lambda _: desk.answer(seen=Seen(message_id=1)), range(8)))
    assert len(rows) == 1


def test_what_is_undone_in_time_never_leaves(desk: Desk) -> None:
    row = desk.answer()
    desk.wait(UNDO / 2)
    with desk.store.write() as session:
        assert outbox.cancel(session, 1, row, desk.clock.now())
    desk.wait(timedelta(days=1))
    desk.work()
    assert desk.state(row) is OutboxState.CANCELLED
    assert desk.platform.accepted == []


def test_undo_and_sending_race_and_exactly_one_wins(desk: Desk) -> None:
    for number in range(10):
        row = desk.answer(f"answer {number}", key=str(number))
        desk.wait()

        def undo(row: int = row) -> bool:
            with desk.store.write() as session:
                return outbox.cancel(session, 1, row, desk.clock.now())

        with ThreadPoolExecutor(2) as pool:
            sending, undoing = pool.submit(desk.work), pool.submit(undo)
            sending.result()
            undone = undoing.result()
        assert desk.state(row) is (OutboxState.CANCELLED if undone else OutboxState.SENT)
        assert desk.platform.times_accepted(f"answer {number}") == (0 if undone else 1)


def test_sending_later_waits_and_can_be_hurried(desk: Desk) -> None:
    tomorrow = desk.clock.now() + timedelta(days=1)
    row = desk.answer(plan=Plan(not_before=tomorrow))
    desk.wait(timedelta(hours=23))
    desk.work()
    assert desk.state(row) is OutboxState.QUEUED
    with desk.store.write() as session:
        assert outbox.send_now(session, 1, row, desk.clock.now())
    desk.work()
    assert desk.state(row) is OutboxState.SENT


def test_a_colleagues_answer_stops_the_second_and_names_it(desk: Desk) -> None:
    page = desk.seen()
    first = desk.answer("from Sara", user=1, seen=page)
    with pytest.raises(Collision) as raised:
        desk.answer("from Omid", user=2, key="o", seen=page)
    assert (raised.value.kind, raised.value.row_id, raised.value.user_id) == (
        CollisionKind.COLLEAGUE,
        first,
        1,
    )
    desk.wait()
    desk.work()
    with pytest.raises(Collision):
        desk.answer("from Omid", user=2, key="o", seen=page)
    desk.answer("from Omid", user=2, key="o", seen=desk.seen())


def test_two_answers_at_once_to_one_case_end_in_one(desk: Desk) -> None:
    page = desk.seen()

    def answer(user: int) -> bool:
        try:
            desk.answer(f"from {user}", user=user, key="k", seen=page)
        except Collision:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(answer, (1, 2))) == [False, True]


def test_a_customer_who_wrote_meanwhile_is_read_first(desk: Desk) -> None:
    page = desk.seen()
    take_in(desk.store, [incoming("2", "it is solved, thanks", minutes_ago=1)])
    with pytest.raises(Collision) as raised:
        desk.answer(seen=page)
    assert raised.value.kind is CollisionKind.CUSTOMER_WROTE


def test_a_message_that_was_edited_or_deleted_meanwhile_is_read_first(desk: Desk) -> None:
    page = desk.seen()
    now = desk.clock.now()
    edited = replace(incoming("1"), text="it has come, thanks", edited_at=now)
    take_in(desk.store, [edited])
    with pytest.raises(Collision) as raised:
        desk.answer(seen=page)
    assert raised.value.kind is CollisionKind.CUSTOMER_EDITED
    assert raised.value.row_id == desk.message

    page = desk.seen()
    with desk.store.write() as session:
        strip(session, [desk.message], RemovedBecause.DELETED, now)
    with pytest.raises(Collision) as raised:
        desk.answer(seen=page)
    assert raised.value.kind is CollisionKind.CUSTOMER_DELETED
    # Who has seen that may answer all the same.
    assert desk.answer(seen=desk.seen())


def test_what_was_seen_is_carried_whole_and_an_older_note_of_it_holds() -> None:
    for word in ("4.12.3.2", "4.12.3"):
        assert str(Seen.of(word)) == word
    for word in ("", "4.12", "4.12.3.2.1", "4.12.x.2", "4.12.3.2\n", "٤.1.1.1"):
        with pytest.raises(ValueError):
            Seen.of(word)


def test_a_customer_who_writes_during_the_undo_holds_the_answer_back(desk: Desk) -> None:
    row = desk.answer(seen=desk.seen())
    take_in(desk.store, [incoming("2", "it is solved, thanks", minutes_ago=1)])
    desk.wait()
    desk.work()
    assert desk.state(row) is OutboxState.REFUSED
    assert desk.row(row).reason == "customer_wrote"
    assert desk.row(row).evidence["way_out"] == "send_again"


def test_an_answer_in_the_platforms_own_app_is_a_collision_and_stops_the_clock(desk: Desk) -> None:
    page = desk.seen()
    elsewhere = ScriptedPlatform(desk.clock)
    elsewhere.connect(1).send(Outgoing(Deed.ANSWER, "typed on the phone", to_key="1"))
    with desk.store.write() as session:
        take_own(session, desk.account, elsewhere.echoes(), desk.clock.now(), desk.policy)
    assert desk.the_case().waiting_since is None
    with pytest.raises(Collision) as raised:
        desk.answer(seen=page)
    assert raised.value.kind is CollisionKind.ELSEWHERE


def test_a_message_written_after_the_answer_waits_from_then(desk: Desk) -> None:
    desk.answer()
    desk.wait()
    desk.work()
    later = incoming("2", "and when?", written_at=desk.clock.now() + timedelta(minutes=3))
    take_in(desk.store, [later])
    assert desk.the_case().waiting_since == later.written_at
    # An answer read back late, written before it, answers nothing of it.
    desk.echo()
    assert desk.the_case().waiting_since == later.written_at


@pytest.mark.parametrize("echo_first", [False, True])
def test_an_echo_and_its_row_are_one_whichever_comes_first(desk: Desk, echo_first: bool) -> None:
    row = desk.answer()
    desk.wait()
    if echo_first:
        desk.platform.meanwhile = desk.echo
        desk.work(Fate.SLOW)
    else:
        desk.work()
        desk.echo()
    desk.echo()
    with desk.store.read() as session:
        own = session.scalars(select(OwnMessageRow)).one()
    assert (own.outbox_id, own.native_key, own.case_id) == (row, "sent-0", desk.case)
    assert desk.facts(FactKind.FIRST_RESPONSE) == 1


def test_an_echo_settles_what_nobody_knew(desk: Desk) -> None:
    row = desk.answer("look: https://digikala.com/x?a=1")
    desk.platform.visible = False
    desk.wait()
    desk.work(Fate.LOST_ANSWER)
    assert desk.state(row) is OutboxState.UNKNOWN
    desk.echo()
    assert desk.state(row) is OutboxState.SENT
    assert desk.row(row).evidence["found"] == "echo"
    assert desk.the_case().waiting_since is None


def test_a_request_that_never_left_is_tried_again_later_and_costs_nothing(desk: Desk) -> None:
    row = desk.answer()
    desk.wait()
    desk.work(Fate.UNREACHABLE)
    assert (desk.state(row), desk.spent()) == (OutboxState.QUEUED, (0, 0))
    assert desk.row(row).not_before > desk.clock.now()
    desk.wait(timedelta(minutes=1))
    desk.work(Fate.RATE_LIMITED)
    assert desk.row(row).not_before >= desk.clock.now() + timedelta(minutes=1)
    desk.wait(timedelta(minutes=2))
    desk.work()
    assert (desk.state(row), len(desk.platform.accepted)) == (OutboxState.SENT, 1)


def test_what_never_leaves_fails_in_the_end_and_can_be_tried_again_once(desk: Desk) -> None:
    row = desk.answer()
    for _ in range(MAX_ATTEMPTS):
        desk.wait(timedelta(minutes=10))
        desk.work(Fate.UNREACHABLE)
    assert (desk.state(row), desk.row(row).reason) == (OutboxState.FAILED, "unreachable")
    with desk.store.write() as session:
        again = outbox.retry(
            session, Asker("user:1", "r1", 1), row, desk.clock.now(), desk.platform.rules
        ).id
    with desk.store.write() as session:
        twice = outbox.retry(
            session, Asker("user:2", "r2", 2), row, desk.clock.now(), desk.platform.rules
        ).id
    assert again == twice != row
    desk.wait()
    desk.work()
    assert desk.state(again) is OutboxState.SENT
    with desk.store.write() as session, pytest.raises(OutboxError):
        outbox.retry(
            session, Asker("user:1", "r3", 1), again, desk.clock.now(), desk.platform.rules
        )


def test_a_dead_token_is_noticed_and_nothing_is_lost(desk: Desk) -> None:
    first, second = desk.answer("one", key="1"), desk.answer("two", key="2")
    desk.wait()
    desk.work(Fate.UNAUTHORISED)
    assert (desk.state(first), desk.row(first).reason) == (OutboxState.FAILED, "unauthorised")
    assert (desk.state(second), desk.row(second).reason) == (
        OutboxState.REFUSED,
        "not_connected",
    )
    with desk.store.read() as session:
        assert session.get_one(Account, desk.account).state is AccountState.UNAUTHORISED


@pytest.mark.parametrize("fate", [Fate.LOST_ANSWER, Fate.ODD_ANSWER])
def test_what_was_done_without_an_answer_is_found_by_reading_back(desk: Desk, fate: Fate) -> None:
    row = desk.answer()
    desk.wait()
    desk.work(fate)
    # Looked up in the same round.
    assert desk.state(row) is OutboxState.SENT
    assert desk.row(row).evidence["found"] == "read_back"
    assert len(desk.platform.accepted) == 1


def test_what_surely_never_arrived_is_sent_after_all(desk: Desk) -> None:
    row = desk.answer()
    desk.wait()
    desk.work(Fate.LOST_REQUEST)
    assert desk.state(row) is OutboxState.UNKNOWN
    desk.wait(SENDING_LEASE)
    desk.work()
    assert desk.state(row) is OutboxState.UNKNOWN, "it might still be under way"
    for _ in range(3):
        desk.wait(SURE_AFTER)
        desk.work()
    assert desk.state(row) is OutboxState.SENT
    assert (len(desk.platform.accepted), desk.spent()) == (1, (1, PRICE))


def test_where_the_same_words_would_be_taken_twice_what_is_not_seen_waits_for_a_person(
    desk: Desk,
) -> None:
    desk.platform.refuses_repeats = False
    row = desk.answer()
    desk.wait()
    desk.work(Fate.LOST_REQUEST)
    for _ in range(len(LOOK_AFTER) + 3):
        desk.wait(timedelta(hours=2))
        desk.work()
    assert (desk.state(row), desk.row(row).look_at) == (OutboxState.UNKNOWN, None)
    assert desk.row(row).evidence["absent"] > 1
    assert len(desk.platform.accepted) == 0


def test_what_the_platform_said_had_failed_and_does_not_show_is_sent_after_all(desk: Desk) -> None:
    desk.platform.refuses_repeats = False
    row = desk.answer()
    desk.wait()
    desk.work(Fate.SAID_FAILED)
    for _ in range(3):
        desk.wait(SURE_AFTER)
        # Of the second try it says nothing: what it said of the first does not count for it.
        desk.work(Fate.LOST_REQUEST)
    for _ in range(len(LOOK_AFTER) + 3):
        desk.wait(timedelta(hours=2))
        desk.work()
    assert (desk.state(row), desk.row(row).attempts) == (OutboxState.UNKNOWN, 2)
    desk.platform.fates.clear()
    other = desk.answer("another", key="2")
    desk.wait()
    desk.work(Fate.SAID_FAILED)
    for _ in range(3):
        desk.wait(SURE_AFTER)
        desk.work()
    assert desk.state(other) is OutboxState.SENT
    assert len(desk.platform.accepted) == 1


def test_what_the_platform_calls_a_duplicate_and_does_not_show_waits_for_a_person(
    desk: Desk,
) -> None:
    row = desk.answer()
    desk.wait()
    desk.work(Fate.LOST_REQUEST)
    for _ in range(3):
        desk.wait(SURE_AFTER)
        desk.work(Fate.DUPLICATE)
    # From now on it would be taken in; but the platform has said that it has it.
    for _ in range(len(LOOK_AFTER) + 3):
        desk.wait(timedelta(hours=2))
        desk.work()
    assert desk.state(row) is OutboxState.UNKNOWN
    assert (desk.row(row).look_at, desk.row(row).reason) == (None, "duplicate")
    assert len(desk.platform.accepted) == 0


@pytest.mark.parametrize("sent", [True, False])
def test_what_reading_back_cannot_tell_waits_for_a_person(desk: Desk, sent: bool) -> None:
    row = desk.answer()
    desk.platform.visible = False
    desk.wait()
    desk.work(Fate.LOST_ANSWER if sent else Fate.LOST_REQUEST)
    for _ in range(len(LOOK_AFTER) + 3):
        desk.wait(timedelta(hours=2))
        desk.work()
    assert desk.state(row) is OutboxState.UNKNOWN
    assert (desk.row(row).look_at, desk.row(row).looks) == (None, len(LOOK_AFTER) + 1)
    now = desk.clock.now()
    with desk.store.write() as session:
        assert outbox.settle(session, 1, row, now, desk.policy, sent=sent, native_key="sent-0")
        assert not outbox.settle(session, 2, row, now, desk.policy, sent=not sent)
    assert desk.state(row) is (OutboxState.SENT if sent else OutboxState.FAILED)
    assert (desk.the_case().waiting_since is None) == sent
    assert desk.spent()[0] == sent


def test_two_answers_with_the_same_words_do_not_vouch_for_each_other(desk: Desk) -> None:
    first, second = desk.answer("thanks", key="1"), desk.answer("thanks", key="2")
    desk.wait()
    desk.work(Fate.FINE, Fate.LOST_REQUEST)
    assert desk.state(first) is OutboxState.SENT
    for _ in range(4):
        desk.wait(SURE_AFTER)
        desk.work()
    assert desk.state(second) is OutboxState.SENT
    assert len(desk.platform.accepted) == 2


def test_a_worker_that_vanished_before_sending_loses_nothing(desk: Desk) -> None:
    row = desk.answer()
    desk.wait()
    assert claim_due(desk.store, "dies") is not None
    desk.work()
    assert desk.state(row) is OutboxState.CLAIMED
    desk.wait(CLAIM_LEASE)
    desk.work()
    assert desk.state(row) is OutboxState.SENT


def test_a_worker_that_slept_after_its_departure_sends_nothing(
    sqlite_store: Store, clock: SetClock, policy: Policy
) -> None:
    """The machine sleeps at each statement in turn: it wakes up either before the departure is
    written down, or so late that it leaves the row to others."""
    desk = Desk(sqlite_store, clock, policy)
    for statement in range(40):
        row = desk.answer(f"answer {statement}", key=str(statement))
        desk.wait()
        with stop_at(desk.store, statement, lambda: clock.advance(FENCE)):
            desk.work()
        desk.wait(SENDING_LEASE)
        desk.work()
        assert desk.state(row) is OutboxState.SENT
        ((at, _, _),) = desk.platform.accepted[statement:]
        left = desk.row(row).sending_at
        assert left is not None
        assert at - left < FENCE


def test_what_expires_before_it_can_leave_is_refused(desk: Desk) -> None:
    row = desk.answer(plan=Plan(expires_at=desk.clock.now() + timedelta(minutes=5)))
    desk.wait()
    desk.work(Fate.UNREACHABLE)
    desk.wait(timedelta(minutes=6))
    desk.work()
    assert (desk.state(row), desk.row(row).reason) == (OutboxState.REFUSED, "expired")


def test_a_blocked_person_is_refused_as_a_row_with_its_way_out(desk: Desk) -> None:
    with desk.store.write() as session:
        session.scalars(select(Identity)).one().blocked_at = desk.clock.now()
    row = desk.answer()
    assert (desk.state(row), desk.row(row).reason) == (OutboxState.REFUSED, "blocked")
    assert desk.row(row).evidence == {"way_out": "unblock"}
    assert desk.facts(FactKind.ANSWER_REFUSED) == 1


def test_the_budget_stops_sending(store: Store, clock: SetClock, policy: Policy) -> None:
    desk = Desk(store, clock, policy)
    with store.write() as session:
        session.scalars(select(App)).one().money_limit_micros = 2 * PRICE
    rows = [desk.answer(str(n), key=str(n)) for n in range(3)]
    desk.wait()
    desk.work()
    assert [desk.state(row) for row in rows] == [OutboxState.SENT] * 2 + [OutboxState.REFUSED]
    assert desk.row(rows[2]).reason == "money"


def test_an_answer_by_hand_is_recorded_and_its_echo_is_no_second_one(desk: Desk) -> None:
    desk.platform.connect(1).send(Outgoing(Deed.ANSWER, "by hand", to_key="1"))
    desk.wait(timedelta(minutes=5))
    with desk.store.write() as session:
        row = outbox.record_by_hand(
            session, Asker("user:1", "h", 1), desk.draft("by hand"), desk.clock.now(), desk.policy
        ).id
    assert desk.the_case().waiting_since is None
    desk.echo()
    with desk.store.read() as session:
        assert session.scalars(select(OwnMessageRow)).one().outbox_id == row
    assert desk.row(row).native_key == "sent-0"


def test_a_dm_goes_to_the_person_who_wrote(desk: Desk) -> None:
    take_in(desk.store, [incoming("dm", kind=MessageKind.DM, author="reza")])
    with desk.store.read() as session:
        message = session.scalars(select(Message).where(Message.native_key == "dm")).one()
    with desk.store.write() as session:
        outbox.enqueue(
            session,
            Asker("user:1", "d", 1),
            Draft(Deed.DM, desk.account, "hello", message_id=message.id),
            desk.clock.now(),
            desk.platform.rules,
        )
    desk.wait()
    desk.work()
    ((_, _, sent),) = desk.platform.accepted
    assert sent.to_native_id == "id-reza"
    desk.echo()
    with desk.store.read() as session:
        assert session.scalars(select(OwnMessageRow)).one().case_id == message.case_id


Open = Callable[[str], Store]


def _rush(store: Store, clock: SetClock, policy: Policy) -> None:
    """Three workers, thirty answers, ten a quarter of an hour."""
    desk = Desk(store, clock, policy)
    window = timedelta(minutes=15)
    desk.platform.limits = (per_account(10, window),)
    rows = [desk.answer(f"answer {n}", key=str(n)) for n in range(30)]
    desk.wait()

    def work(_: int) -> None:
        run_due(store, desk.platform, policy, chance=Random(1))

    for _ in range(4):
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(work, range(3)))
        desk.wait(timedelta(minutes=5))
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(work, range(3)))
        desk.wait(timedelta(minutes=10, seconds=1))
    assert {desk.state(row) for row in rows} == {OutboxState.SENT}
    assert all(desk.platform.times_accepted(f"answer {n}") == 1 for n in range(30))
    times = sorted(at for at, _, _ in desk.platform.accepted)
    assert all(later - at >= window for at, later in zip(times, times[10:], strict=False))


def test_three_workers_send_each_once_and_never_above_the_pace_on_sqlite(
    sqlite_files: SqliteFiles, open_store: Open, clock: SetClock, policy: Policy
) -> None:
    with sqlite_files.database() as url:
        _rush(open_store(url), clock, policy)


def test_three_workers_send_each_once_and_never_above_the_pace_on_postgresql(
    postgresql: PostgresqlServer, open_store: Open, clock: SetClock, policy: Policy
) -> None:
    with postgresql.database() as url:
        store = open_store(url)
        _rush(store, clock, policy)
        store.close()
