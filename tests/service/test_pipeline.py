"""Promises of the pipeline: every message gets its verdict, its case its due time, once."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import cycle

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from support.content import content, differences
from support.factories import SHOP_TELEGRAM, incoming, many
from support.judges import WordJudge
from support.locks import questions, until_someone_waits_for_a_row

from collectors.intake import take_in
from responder import casework, effective, people
from responder.policy import Policy
from responder.record import Done, locked
from responder.triage import Priority
from service.pipeline import LEASE, SET_ASIDE, Pipeline
from shenava.clock import SetClock
from shenava.messages import (
    Author,
    Incoming,
    Language,
    MessageKind,
    PostRef,
    Sentiment,
    Verdict,
)
from shenava.store import (
    Case,
    CaseState,
    Fact,
    FactKind,
    Message,
    Role,
    Store,
    User,
    UserState,
    VerdictRow,
)

MakePipeline = Callable[..., Pipeline]


@pytest.fixture
def make_pipeline(store: Store, judge: WordJudge, policy: Policy) -> MakePipeline:
    """A worker of its own; ``with_judge`` where its model is another."""

    def make(with_judge: WordJudge | None = None) -> Pipeline:
        return Pipeline(store, with_judge or judge, policy)

    return make


def _count(store: Store, row: type, **where: object) -> int:
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(row).filter_by(**where)) or 0


def _only_case(store: Store) -> Case:
    with store.read() as session:
        return session.scalars(select(Case)).one()


def _codes(case: Case) -> list[str]:
    return [reason["code"] for reason in case.reasons]


def test_a_message_gets_a_verdict_its_case_a_priority_a_due_time_and_reasons(
    store: Store, make_pipeline: MakePipeline, clock: SetClock
) -> None:
    take_in(store, [incoming("1", "پول کم شد ولی سفارش ثبت نشد! فوری", minutes_ago=5)])
    assert make_pipeline().run_once() == 1
    case = _only_case(store)
    assert case.priority == Priority.URGENT
    assert case.due_at == clock.now() + timedelta(minutes=10)
    assert _codes(case) == ["payment_no_order"]
    assert (case.language, case.sentiment, case.complaint, case.urgent, case.judged) == (
        Language.FA,
        Sentiment.NEGATIVE,
        True,
        True,
        True,
    )
    assert make_pipeline().run_once() == 0


def test_a_case_is_not_called_judged_while_one_of_its_messages_waits(
    store: Store, make_pipeline: MakePipeline
) -> None:
    take_in(store, [incoming("1", minutes_ago=9), incoming("2", minutes_ago=8)])
    assert make_pipeline().run_once(limit=1) == 1
    case = _only_case(store)
    assert not case.judged
    assert "unsure" in _codes(case)
    make_pipeline().run_once(limit=1)
    assert _only_case(store).judged


def test_new_messages_are_judged_before_old_ones(
    store: Store, make_pipeline: MakePipeline, judge: WordJudge
) -> None:
    take_in(store, [incoming(f"old{n}", f"old {n}", historic=True) for n in range(5)])
    take_in(store, [incoming(f"new{n}", f"new {n}") for n in range(3)])
    pipeline = make_pipeline()
    while pipeline.run_once(limit=1):
        pass
    assert [text[:3] for text in judge.seen] == ["new"] * 3 + ["old"] * 5


def test_a_run_takes_no_more_than_its_limit(
    store: Store, make_pipeline: MakePipeline, judge: WordJudge
) -> None:
    take_in(store, many(40))
    assert make_pipeline().run_once(limit=7) == 7
    assert len(judge.seen) == 7


def test_ahead_a_batch_is_judged_while_the_one_before_is_not_yet_written(
    store: Store, make_pipeline: MakePipeline, judge: WordJudge
) -> None:
    take_in(store, many(10))
    with make_pipeline().ahead(limit=4) as step:
        step()
        assert _count(store, VerdictRow) == 0
        step()
        assert _count(store, VerdictRow) == 4
        step()
        step()  # nothing waits any more
        assert _count(store, VerdictRow) == 10
        take_in(store, [incoming("late", "late")])
        step()
    assert _count(store, VerdictRow) == 11
    assert sorted(Counter(judge.seen).values()) == [1] * 11


def test_ahead_what_was_claimed_when_writing_failed_is_judged_after_the_lease(
    store: Store, make_pipeline: MakePipeline, clock: SetClock
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    take_in(store, many(10))
    with pytest.raises(KeyboardInterrupt), make_pipeline(_Pausing(die)).ahead(limit=4) as step:
        step()
        step()
    clock.advance(LEASE)
    assert make_pipeline().run_until_idle() == 10
    assert _count(store, VerdictRow) == 10


class _Pausing(WordJudge):
    """Calls ``meanwhile`` once, in the middle of its work."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile: Callable[[], object] | None = meanwhile

    def classify(self, texts: Sequence[str]) -> list[Verdict]:
        if self._meanwhile:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
        return super().classify(texts)


def test_what_one_worker_has_claimed_another_leaves_alone(
    store: Store, make_pipeline: MakePipeline, judge: WordJudge
) -> None:
    take_in(store, many(10))
    other = make_pipeline()
    done_by_other: list[int] = []
    slow = _Pausing(lambda: done_by_other.append(other.run_until_idle()))
    assert make_pipeline(slow).run_once(limit=4) == 4
    assert done_by_other == [6]
    assert not set(judge.seen) & set(slow.seen)


def test_a_worker_that_dies_after_its_claim_is_replaced_after_the_lease(
    store: Store, make_pipeline: MakePipeline, clock: SetClock
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    take_in(store, many(5))
    with pytest.raises(KeyboardInterrupt):
        make_pipeline(_Pausing(die)).run_once()
    clock.advance(LEASE - timedelta(seconds=1))
    assert make_pipeline().run_once() == 0
    clock.advance(timedelta(seconds=1))
    assert make_pipeline().run_once() == 5
    assert _count(store, VerdictRow) == 5


def test_a_worker_that_was_given_up_and_comes_back_writes_nothing_twice(
    store: Store, make_pipeline: MakePipeline, clock: SetClock
) -> None:
    def another_takes_over() -> None:
        clock.advance(LEASE)
        assert make_pipeline().run_once() == 6

    take_in(store, many(6))
    assert make_pipeline(_Pausing(another_takes_over)).run_once() == 6
    assert _count(store, VerdictRow) == 6
    assert _count(store, Fact, kind=FactKind.MESSAGE_JUDGED) == 6
    assert make_pipeline().run_once() == 0


def test_two_workers_share_the_work_and_double_nothing(
    store: Store, make_pipeline: MakePipeline
) -> None:
    # Few people, so that the two write to the same cases at the same time.
    number = 240
    take_in(store, many(number, authors=6))
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(make_pipeline(WordJudge()).run_until_idle, 6) for _ in range(2)]
        assert sum(task.result() for task in done) == number
    with store.read() as session:
        judged = Counter(session.scalars(select(VerdictRow.message_id)))
        facts = Counter(
            session.scalars(select(Fact.message_id).where(Fact.kind == FactKind.MESSAGE_JUDGED))
        )
        assert set(judged.values()) == set(facts.values()) == {1}
        assert len(judged) == len(facts) == number
        assert all(session.scalars(select(Case.judged)))


@pytest.fixture
def no_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that stood in a circle fails, instead of hiding it by trying again."""
    monkeypatch.setattr("service.pipeline._REPEATS", 0)


@pytest.mark.usefixtures("no_second_try")
def test_workers_intake_and_staff_never_wait_for_each_other_in_a_circle(
    postgresql_store: Store, policy: Policy
) -> None:
    store = postgresql_store
    users = [_user(store, name) for name in ("sara", "ali")]
    finished = threading.Event()
    written = [_varied(number, item) for number, item in enumerate(many(200, authors=6))]

    def judge() -> None:
        while not finished.is_set():
            Pipeline(store, WordJudge(), policy).run_once(9)

    def work(actor: int) -> None:
        while not finished.is_set():
            with store.write() as session:
                open_ = session.scalars(select(Case.id).where(Case.state != CaseState.CLOSED)).all()
                casework.assign(session, actor, open_, store.clock.now(), actor)
                casework.close(session, actor, open_[::2], store.clock.now())

    def say(actor: int, *deeds: Callable[..., object]) -> None:
        for deed in cycle(deeds):
            with store.read() as session:
                newest = select(Case.id).order_by(Case.id.desc()).limit(9)
                cases = session.scalars(newest).all()
            for case_id in cases:
                if finished.is_set():
                    return
                with store.write() as session:
                    deed(session, actor, case_id, store.clock.now(), policy)

    with ThreadPoolExecutor(6) as pool:
        tasks = [pool.submit(judge), pool.submit(judge), *(pool.submit(work, u) for u in users)]
        tasks.append(pool.submit(say, users[0], people.block, people.unblock))
        tasks.append(pool.submit(say, users[1], people.mark_vip, people.unmark_vip))
        try:
            for begin in range(0, 200, 10):
                # What came before is seen again, by a source that tells of a summons.
                known = reversed(written[max(begin - 20, 0) : begin])
                again = [replace(item, summoned=begin % 20 == 0) for item in known]
                take_in(store, [*again, *written[begin : begin + 10]])
        finally:
            finished.set()
        for task in tasks:
            task.result()


def _varied(number: int, item: Incoming) -> Incoming:
    """The same message under one of some posts, with news of its writer: each has several cases."""
    post = PostRef(f"p{number % 5}")
    author = replace(item.author, followers=number)
    return replace(item, kind=MessageKind.COMMENT, post=post, author=author)


@pytest.mark.parametrize("deed", [people.block, people.mark_vip])
def test_what_is_said_of_people_waits_for_their_cases_in_the_order_of_all(
    postgresql_store: Store, policy: Policy, deed: Callable[..., Done]
) -> None:
    store = postgresql_store
    actor = _user(store, "sara")
    take_in(store, [incoming("1", post="p1"), incoming("2", post="p2")])
    low, high = _ids(store, Case)

    def say() -> Done:
        with store.write() as session:
            return deed(session, actor, high, store.clock.now(), policy)

    with ThreadPoolExecutor(1) as pool:
        with store.write() as session:
            locked(session, [low])
            saying = pool.submit(say)
            until_someone_waits_for_a_row(store)
            locked(session, [high])
        assert saying.result().changed == (low, high)


def test_a_summons_of_known_messages_is_written_before_any_case_is_locked(
    postgresql_store: Store,
) -> None:
    store = postgresql_store
    take_in(store, [incoming("1")])
    (case_id,) = _ids(store, Case)
    batch = [replace(incoming("1"), summoned=True), replace(incoming("2"), summoned=True)]
    with ThreadPoolExecutor(1) as pool:
        with store.write() as session:
            # As the pipeline does: messages, then cases.
            session.execute(select(Message.id).with_for_update(key_share=True)).all()
            arriving = pool.submit(take_in, store, batch)
            until_someone_waits_for_a_row(store)
            locked(session, [case_id])
        assert arriving.result().new == 1
    with store.read() as session:
        assert session.scalars(select(Message.summoned)).all() == [True, True]


@pytest.mark.usefixtures("no_second_try")
def test_workers_lock_what_they_failed_on_in_the_order_of_all(
    postgresql_store: Store, policy: Policy
) -> None:
    store = postgresql_store
    take_in(store, [incoming("1", "poison"), incoming("2", "hello")])
    low, high = _ids(store, Message)
    claimed, held = threading.Event(), threading.Event()

    def wait() -> None:
        claimed.set()
        assert held.wait(30)

    def hold(session: Session, message_id: int) -> None:
        query = select(Message.id).where(Message.id == message_id)
        session.execute(query.with_for_update(key_share=True)).all()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(Pipeline(store, _FailsOn("poison", wait), policy).run_once)
        assert claimed.wait(30)
        with store.write() as session:
            hold(session, low)
            held.set()
            until_someone_waits_for_a_row(store)
            hold(session, high)
        assert working.result() == 2


@pytest.mark.parametrize(
    ("deed", "codes"), [(people.block, ["blocked"]), (people.mark_vip, ["complaint", "vip"])]
)
def test_a_case_judged_in_the_moment_of_a_word_on_its_writer_heeds_it(
    postgresql_store: Store, policy: Policy, deed: Callable[..., Done], codes: list[str]
) -> None:
    store = postgresql_store
    actor = _user(store, "sara")
    take_in(store, [incoming("1", "a complaint")])
    (case_id,) = _ids(store, Case)
    with ThreadPoolExecutor(1) as pool:
        with store.write() as session:
            deed(session, actor, case_id, store.clock.now(), policy)
            judging = pool.submit(Pipeline(store, WordJudge(), policy).run_once)
            until_someone_waits_for_a_row(store)
        assert judging.result() == 1
    assert _codes(_only_case(store)) == codes


def test_cases_of_very_many_messages_are_read_in_pieces(
    postgresql_store: Store, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = postgresql_store
    assert effective.PIECE < 32_766  # what SQLite takes; PostgreSQL takes twice as many
    monkeypatch.setattr(effective, "PIECE", 60)
    pipeline = Pipeline(store, WordJudge(), policy)
    take_in(store, many(600, authors=4))
    pipeline.run_until_idle(limit=50)
    take_in(store, many(4, authors=4, first=600))
    with questions(store) as asked:
        assert pipeline.run_once() == 4
    reach = 604
    assert max(question.parameters for question in asked) == 60
    # No more questions than pieces, of verdicts and of corrections, and a few of the batch.
    assert len(asked) <= 2 * (reach // 60 + 1) + 14
    with store.read() as session:
        assert all(session.scalars(select(Case.judged)))


def _ids(store: Store, row: type[Case] | type[Message]) -> list[int]:
    with store.read() as session:
        return list(session.scalars(select(row.id).order_by(row.id)))


def _user(store: Store, name: str) -> int:
    with store.write() as session:
        user = User(
            email=f"{name}@example.com",
            name=name,
            role=Role.AGENT,
            state=UserState.ACTIVE,
            password_hash="x",
            session_key=name,
            created_at=store.clock.now(),
        )
        session.add(user)
        session.flush()
        return user.id


class _FailsOn(WordJudge):
    """Cannot read texts that hold ``word``. Calls ``first`` before it reads."""

    def __init__(self, word: str, first: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.word = word
        self.first = first

    def classify(self, texts: Sequence[str]) -> list[Verdict]:
        self.first()
        if any(self.word in text for text in texts):
            raise RuntimeError("the model cannot read this")
        return super().classify(texts)


def test_a_text_that_the_model_fails_on_sets_only_itself_aside(
    store: Store,
    make_pipeline: MakePipeline,
    clock: SetClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    batch = many(8)
    take_in(store, [*batch[:4], incoming("bad", "poison", author="eve"), *batch[4:]])
    pipeline = make_pipeline(_FailsOn("poison"))
    with caplog.at_level(logging.ERROR):
        assert pipeline.run_until_idle() == 9
    assert "set aside" in caplog.text
    assert "poison" not in caplog.text.replace("_FailsOn", "")
    with store.read() as session:
        bad = session.scalars(select(Message).where(Message.judge_after.is_not(None))).one()
        assert bad.native_key == "bad"
        case = session.get_one(Case, bad.case_id)
    # Nobody knows what it says; so a person has to look, by a time.
    assert (case.priority, _codes(case), case.judged) == (Priority.NORMAL, ["unsure"], False)
    assert case.due_at is not None

    clock.advance(SET_ASIDE)
    assert make_pipeline().run_until_idle() == 1
    assert _count(store, VerdictRow) == 9


def test_texts_that_the_model_fails_on_do_not_stop_those_behind_them(
    store: Store, make_pipeline: MakePipeline, caplog: pytest.LogCaptureFixture
) -> None:
    take_in(store, [incoming(f"bad{n}", "poison", minutes_ago=60) for n in range(5)])
    take_in(store, many(5))
    make_pipeline(_FailsOn("poison")).run_until_idle(limit=5)
    assert _count(store, VerdictRow) == 5


def test_a_message_that_tells_of_reach_raises_what_else_its_writer_has_open(
    store: Store, make_pipeline: MakePipeline
) -> None:
    def from_ali(key: str, minutes_ago: int, followers: int | None, **more: object) -> None:
        author = Author("7", "ali", "Ali", followers)
        take_in(
            store, [incoming(key, "a complaint", author=author, minutes_ago=minutes_ago, **more)]
        )
        make_pipeline().run_until_idle()

    from_ali("1", 9, None)
    assert _only_case(store).priority == Priority.HIGH
    from_ali("2", 8, 50_000, kind=MessageKind.COMMENT, post="p1")
    with store.read() as session:
        cases = session.scalars(select(Case).order_by(Case.id)).all()
    assert [case.priority for case in cases] == [Priority.URGENT, Priority.URGENT]
    assert [_codes(case) for case in cases] == [["complaint", "reach"]] * 2


def test_another_model_adds_verdicts_and_leaves_the_old_ones(
    store: Store, make_pipeline: MakePipeline, clock: SetClock
) -> None:
    take_in(store, many(3))
    make_pipeline().run_until_idle()
    with store.write() as session:
        session.query(Message).update({Message.judge_after: clock.now()})
    make_pipeline(WordJudge("words-2")).run_until_idle()
    with store.read() as session:
        models = Counter(session.scalars(select(VerdictRow.model)))
    assert models == {"words-1": 3, "words-2": 3}


def test_old_messages_are_judged_and_counted_but_call_nobody(
    store: Store, make_pipeline: MakePipeline
) -> None:
    take_in(store, [incoming("1", "پول کم شد، فوری", historic=True)])
    make_pipeline().run_until_idle()
    case = _only_case(store)
    assert (case.state, case.priority, case.due_at, case.needs_answer) == (
        CaseState.CLOSED,
        Priority.LOW,
        None,
        False,
    )
    assert _codes(case) == ["historic"]
    assert _count(store, Fact, kind=FactKind.MESSAGE_JUDGED) == 1


def test_the_order_of_work_leaves_no_trace(
    store: Store,
    make_pipeline: MakePipeline,
    open_store: Callable[[str], Store],
    policy: Policy,
    make_database: Callable[..., object],
) -> None:
    batch = [*many(30), incoming("dm", account=SHOP_TELEGRAM, kind=MessageKind.DM)]
    for item in reversed(batch):
        take_in(store, [item])
        make_pipeline().run_once(limit=1)
    make_pipeline().run_until_idle()
    with make_database() as url:
        at_once = open_store(url)
        take_in(at_once, batch)
        Pipeline(at_once, WordJudge(), policy).run_until_idle()
        assert differences(content(store), content(at_once)) == []
        at_once.close()
