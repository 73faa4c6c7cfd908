"""Lists of cases: their pages hold everything once, their counts are true, their cost is small."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event, select, update
from support.factories import SHOP_TELEGRAM, START, incoming, many
from support.judges import WordJudge

from collectors.intake import take_in
from config.settings import Calendar, UiLanguage
from dashboard.inbox import queries
from dashboard.inbox.queries import COUNT_LIMIT, Count, Cursor, Hit
from dashboard.inbox.rows import called, name_of, rows
from dashboard.inbox.thread import thread
from dashboard.inbox.wanted import Answer, Queue, Wanted, read
from dashboard.reader import Reader, speaking_to
from responder import casework
from responder.policy import Policy
from service.pipeline import Pipeline
from shenava.messages import MessageKind, Platform
from shenava.store import Case, Role, Store, User, UserState

ME, OTHER = 1, 2


@pytest.fixture
def shop(store: Store, judge: WordJudge, policy: Policy) -> Store:
    """Forty customers, most with an open case; ten old messages; two of us."""
    with store.write() as session:
        for number in (ME, OTHER):
            session.add(
                User(
                    id=number,
                    email=f"u{number}@shop.example",
                    name=f"User {number}",
                    role=Role.AGENT,
                    state=UserState.ACTIVE,
                    password_hash="x",
                    session_key="k",
                    created_at=START,
                )
            )
    take_in(store, many(60, authors=40))
    take_in(store, many(10, authors=10, first=100, historic=True))
    take_in(
        store,
        [
            incoming(
                "t1", "اینترنت قطع است؟", author="tg", account=SHOP_TELEGRAM, kind=MessageKind.DM
            ),
            incoming(
                "t2", "perhaps late", author="tg2", account=SHOP_TELEGRAM, kind=MessageKind.DM
            ),
        ],
    )
    Pipeline(store, judge, policy).run_until_idle()
    with store.write() as session:
        ids = session.scalars(
            select(Case.id).where(Case.state == "open").order_by(Case.rank, Case.id)
        ).all()
        casework.assign(session, ME, ids[:5], START, ME)
        casework.assign(session, ME, ids[5:8], START, OTHER)
        for n, key in enumerate(ids[8:12]):
            casework.snooze(session, ME, [key], START, START + timedelta(hours=4 - n))
        for n, key in enumerate(ids[12:17]):
            casework.close(session, ME, [key], START + timedelta(minutes=n // 2))
    return store


def every(store: Store, wanted: Wanted, size: int = 4) -> list[int]:
    """All cases of a list, page by page."""
    found: list[int] = []
    place: Cursor | None = None
    while True:
        with store.read() as session:
            page = queries.page(session, wanted, ME, place, size)
        found += [hit.case_id for hit in page.hits]
        if page.next is None:
            return found
        place = queries.cursor(str(page.next))


LISTS = [
    *(Wanted(queue=queue) for queue in Queue),
    read({"queue": "open", "language": "fa"}),
    read({"queue": "closed", "mood": "positive"}),
    read({"complaint": "yes", "holder": "none"}),
    read({"complaint": "unsure"}),
    read({"complaint": "no", "platform": "x"}),
    read({"intent": "payment"}),
    read({"holder": "me"}),
    read({"holder": "2", "queue": "urgent"}),
    read({"platform": "telegram"}),
]


def test_pages_hold_everything_once_and_counts_are_true(shop: Store) -> None:
    for wanted in LISTS:
        found = every(shop, wanted)
        assert len(found) == len(set(found)), wanted
        with shop.read() as session:
            assert queries.count(session, wanted, ME) == Count(len(found)), wanted
            whole = queries.page(session, wanted, ME, None, 1_000)
        assert [hit.case_id for hit in whole.hits] == found, wanted


def test_the_lists_hold_what_their_names_say(shop: Store) -> None:
    with shop.read() as session:
        known = {case.id: case for case in session.scalars(select(Case))}
        counts = queries.queue_counts(session, ME)
    is_open = [case for case in known.values() if case.state == "open"]
    assert set(every(shop, Wanted(Queue.URGENT))) == {c.id for c in is_open if c.priority == 3}
    assert set(every(shop, Wanted(Queue.MINE))) == {c.id for c in is_open if c.assignee_id == ME}
    assert set(every(shop, Wanted(Queue.UNASSIGNED))) == {
        c.id for c in is_open if c.assignee_id is None
    }
    assert every(shop, Wanted(Queue.OPEN)) == [
        c.id for c in sorted(is_open, key=lambda c: (c.rank, c.id))
    ]
    snoozed = every(shop, Wanted(Queue.SNOOZED))
    assert snoozed == sorted(snoozed, key=lambda key: known[key].snoozed_until or START)
    closed = [c for c in known.values() if c.state == "closed"]
    assert every(shop, Wanted(Queue.CLOSED)) == [
        c.id for c in sorted(closed, key=lambda c: (c.closed_at or START, c.id), reverse=True)
    ]
    assert {queue: count.number for queue, count in counts.items()} == {
        queue: len(every(shop, Wanted(queue))) for queue in Queue
    }


def test_filters_hold_what_their_names_say(shop: Store) -> None:
    with shop.read() as session:
        known = {case.id: case for case in session.scalars(select(Case))}
    for answer, value in ((Answer.YES, True), (Answer.NO, False), (Answer.UNSURE, None)):
        found = every(shop, Wanted(complaint=answer))
        assert {known[key].complaint for key in found} == {value}
    everything = sum(len(every(shop, Wanted(complaint=answer))) for answer in Answer)
    assert everything == len(every(shop, Wanted()))


def test_rows_that_move_while_one_pages_are_neither_doubled_nor_hidden(shop: Store) -> None:
    with shop.read() as session:
        first = queries.page(session, Wanted(), ME, None, 6)
        before = [hit.case_id for hit in queries.page(session, Wanted(), ME, None, 1_000).hits]
    with shop.write() as session:
        # What stood first is closed, and something new jumps to the top.
        casework.close(session, ME, [before[0]], START)
        session.execute(update(Case).where(Case.id == before[-1]).values(rank=0))
    found: list[int] = []
    place = first.next
    while place is not None:
        with shop.read() as session:
            page = queries.page(session, Wanted(), ME, place, 6)
        found += [hit.case_id for hit in page.hits]
        place = page.next
    assert found == before[6:-1]


def test_counts_stop_at_the_limit(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert COUNT_LIMIT == 1_000
    monkeypatch.setattr(queries, "COUNT_LIMIT", 3)
    with shop.read() as session:
        assert queries.count(session, Wanted(), ME) == Count(3, more=True)
        assert queries.queue_counts(session, ME)[Queue.OPEN] == Count(3, more=True)


def test_everything_in_turn_is_everything(shop: Store) -> None:
    for wanted in (Wanted(), Wanted(words="سفارش"), Wanted(queue=Queue.CLOSED)):
        found: list[int] = []
        place: Cursor | None = None
        while True:
            with shop.read() as session:
                page = queries.in_turn(session, wanted, ME, place, 5)
            found += [hit.case_id for hit in page.hits]
            place = page.next
            if place is None:
                break
        assert sorted(found) == sorted(every(shop, wanted))


# Search.


def test_arabic_letters_find_persian_words(shop: Store) -> None:
    assert len(every(shop, Wanted(words="اينترنت"))) == 1
    assert every(shop, Wanted(words="اينترنت")) == every(shop, Wanted(words="اینترنت"))


def test_search_finds_each_case_once_whatever_its_state(shop: Store) -> None:
    with shop.read() as session:
        known = {case.id: case.state for case in session.scalars(select(Case))}
    for size in (1, 3, 7, 100):
        found = every(shop, Wanted(words="order"), size)
        assert len(found) == len(set(found)) > 1
        assert sorted(found) == sorted(every(shop, Wanted(words="order"), 1_000))
    assert len({known[key] for key in every(shop, Wanted(words="سفارش"))}) > 1


def test_search_goes_in_small_steps_through_many_messages(
    shop: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = every(shop, Wanted(words="سفارش"), 1_000)
    monkeypatch.setattr(queries, "_STEP", 2)
    monkeypatch.setattr(queries, "LOOKED_AT", 4)
    assert every(shop, Wanted(words="سفارش"), 3) == whole
    rare = read({"q": "سفارش", "holder": "2"})
    assert set(every(shop, rare, 3)) <= set(whole)


def test_search_shows_the_newest_message_it_found(shop: Store) -> None:
    take_in(
        shop, [incoming("n1", "کلمه نادر", author="rare"), incoming("n2", "سلام", author="rare")]
    )
    with shop.read() as session:
        (hit,) = queries.page(session, Wanted(words="نادر"), ME, None).hits
        (row,) = rows(session, [hit], ME)
    assert row.preview == "کلمه نادر"


def test_a_search_without_words_finds_nothing(shop: Store) -> None:
    for words in ("!!", "«»", "🌹"):
        assert every(shop, Wanted(words=words)) == []


@pytest.mark.parametrize("text", ["", "x", "%%%", "MTIz", "9" * 400, "LS0tLg", "\ud800"])
def test_a_spoilt_place_is_the_first_page(text: str) -> None:
    assert queries.cursor(text) is None


# Cost.


@pytest.fixture
def questions(shop: Store) -> Iterator[list[str]]:
    """What is asked of the database."""
    asked: list[str] = []

    def listen(_c: object, _cur: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(shop.engine, "before_cursor_execute", listen)
    yield asked
    event.remove(shop.engine, "before_cursor_execute", listen)


def test_a_page_of_rows_takes_the_same_questions_at_any_length(
    shop: Store, questions: list[str]
) -> None:
    numbers = []
    for size in (2, 20):
        questions.clear()
        with shop.read() as session:
            page = queries.page(session, Wanted(), ME, None, size)
            rows(session, page.hits, ME)
        numbers.append(len(questions))
    assert numbers[0] == numbers[1] <= 4


def test_a_case_takes_few_questions_at_any_length(shop: Store, questions: list[str]) -> None:
    with shop.read() as session:
        small = session.scalars(select(Case.id).where(Case.message_count == 1)).first()
        large = session.scalars(select(Case.id).where(Case.message_count > 1)).first()
    assert small and large
    for key in (small, large):
        questions.clear()
        with shop.read() as session:
            assert thread(session, key, ME)
        assert len(questions) <= 26


def test_a_case_that_is_gone_has_no_row(shop: Store) -> None:
    with shop.read() as session:
        assert rows(session, [Hit(999)], ME) == []
        assert thread(session, 999, ME) is None


def test_who_is_not_told_is_called_unnamed_and_not_a_question_mark() -> None:
    # Instagram does not say who wrote what is found by a hashtag.
    english = Reader(UiLanguage.EN, Calendar.GREGORIAN, "system", "comfortable")
    with speaking_to(english):
        assert called("?", "", None) == "Unnamed"
    assert called(None, "sara.mhmd") == "sara.mhmd"


def test_a_number_is_nobodys_name() -> None:
    english = Reader(UiLanguage.EN, Calendar.GREGORIAN, "system", "comfortable")
    persian = Reader(UiLanguage.FA, Calendar.GREGORIAN, "system", "comfortable")
    key = "id:17841400000001234"
    with speaking_to(english):
        assert name_of(Platform.INSTAGRAM, key, None, "") == "Instagram customer …1234"
        assert name_of(Platform.INSTAGRAM, key, "Sara", "sara") == "Sara"
        assert name_of(Platform.INSTAGRAM, "id:1", "?", None) == "Unnamed"
        assert name_of(Platform.X, "handle:sara", None, None) == "sara"
    with speaking_to(persian):
        assert name_of(Platform.INSTAGRAM, key) == "مشتری اینستاگرام …۱۲۳۴"
