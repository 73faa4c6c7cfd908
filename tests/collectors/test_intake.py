"""Promises of intake, one at a time. ``test_intake_machine.py`` holds them all together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from support.content import content, differences
from support.factories import SHOP, START, incoming, many
from support.judges import WordJudge
from support.locks import until_someone_waits_for_a_row
from support.worlds import OTHER_SHOP, seen_by

from collectors.intake import take_in
from responder.policy import Policy
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.messages import (
    About,
    AboutKind,
    Author,
    IntakeResult,
    MessageKind,
    PostRef,
    Source,
)
from shenava.store import (
    Account,
    Case,
    CaseState,
    Conversation,
    Fact,
    FactKind,
    Identity,
    IdentityHandle,
    Message,
    OwnMessageRow,
    Post,
    Sighting,
    Store,
    changes,
)
from shenava.store.search import matching_messages


def _cases(store: Store) -> list[Case]:
    with store.read() as session:
        return list(session.scalars(select(Case).order_by(Case.id)))


def _count(store: Store, row: type) -> int:
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(row)) or 0


def _found(store: Store, query: str) -> list[str]:
    with store.read() as session:
        ids = matching_messages(session, query)
        assert ids is not None
        return sorted(session.scalars(select(Message.native_key).where(Message.id.in_(ids))))


def test_it_tells_what_was_new_and_what_was_known(store: Store) -> None:
    first = take_in(store, [incoming("1"), incoming("2"), incoming("1")])
    assert (first.new, first.duplicate, len(first.message_ids)) == (2, 1, 2)
    again = take_in(store, [incoming("2"), incoming("3"), incoming("1")])
    assert (again.new, again.duplicate) == (1, 2)
    with store.read() as session:
        assert session.get_one(Message, again.message_ids[0]).native_key == "3"
    assert take_in(store, []) == IntakeResult()


def test_one_post_found_in_three_ways_is_one_message_with_three_sightings(store: Store) -> None:
    for source in (Source.MENTION, Source.SEARCH, Source.WEBHOOK, Source.MENTION):
        take_in(store, [seen_by(incoming("1"), source)])
    assert (_count(store, Message), _count(store, Case), _count(store, Fact)) == (1, 1, 2)
    with store.read() as session:
        assert set(session.scalars(select(Sighting.source))) == {
            Source.MENTION,
            Source.SEARCH,
            Source.WEBHOOK,
        }


def test_a_message_seen_through_another_account_stays_where_it_was_first_seen(
    store: Store,
) -> None:
    take_in(store, [incoming("1")])
    take_in(store, [seen_by(incoming("1"), Source.SEARCH, OTHER_SHOP)])
    assert (_count(store, Case), _count(store, Account), _count(store, Sighting)) == (1, 2, 2)
    with store.read() as session:
        assert session.scalars(select(Conversation)).one().account_id == (
            session.scalars(select(Account.id).where(Account.handle == SHOP.handle)).one()
        )


def test_the_same_key_in_another_scope_is_another_message(store: Store) -> None:
    batch = [incoming("1", scope="chat-1"), incoming("1", scope="chat-2"), incoming("1")]
    assert take_in(store, batch).new == 3


def test_one_person_has_one_conversation_in_private_and_one_under_each_post(store: Store) -> None:
    take_in(
        store,
        [
            incoming("1", kind=MessageKind.DM),
            incoming("2", kind=MessageKind.DM, post="p1"),
            incoming("3", kind=MessageKind.COMMENT, post="p1"),
            incoming("4", kind=MessageKind.MENTION, post="p1"),
            incoming("5", kind=MessageKind.COMMENT, post="p2"),
            incoming("6", kind=MessageKind.MENTION),
            incoming("7", kind=MessageKind.EMAIL),
            incoming("8", kind=MessageKind.DM, author="reza"),
        ],
    )
    with store.read() as session:
        threads = Counter(session.scalars(select(Conversation.thread)))
    assert threads == {"dm": 2, "post:p1": 1, "post:p2": 1, "public": 1, "private": 1}


def test_a_person_is_known_by_id_through_every_change_of_handle(store: Store) -> None:
    for key, handle, minutes_ago in (("1", "sara", 30), ("3", "sara_m", 10), ("2", "sara", 20)):
        take_in(store, [incoming(key, author=Author("7", handle), minutes_ago=minutes_ago)])
    with store.read() as session:
        assert session.scalars(select(Identity)).one().handle == "sara_m"
        seen = {
            row.handle: (row.first_seen, row.last_seen)
            for row in session.scalars(select(IdentityHandle))
        }
    ago = {n: START - timedelta(minutes=n) for n in (10, 20, 30)}
    assert seen == {"sara": (ago[30], ago[20]), "sara_m": (ago[10], ago[10])}


def test_a_handle_in_other_capitals_is_the_same_person(store: Store) -> None:
    take_in(store, [incoming("1", author=Author(None, "Sara"))])
    take_in(store, [incoming("2", author=Author(None, "sARA"))])
    assert _count(store, Identity) == 1


def test_the_profile_is_that_of_the_newest_message_in_whatever_order_they_come(
    store: Store,
) -> None:
    take_in(store, [incoming("2", author=Author("7", "s", "Sara", 20), minutes_ago=5)])
    take_in(store, [incoming("1", author=Author("7", "s", "S.", 10), minutes_ago=50)])
    with store.read() as session:
        person = session.scalars(select(Identity)).one()
    assert (person.name, person.followers) == ("Sara", 20)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_message_that_tells_nothing_of_its_writer_wipes_nothing(
    store: Store, order: tuple[int, ...], at_once: bool
) -> None:
    told = [
        incoming("1", author=Author("7", "s", "Sara", 20), minutes_ago=50),
        incoming("2", author=Author("7", None, None, None), minutes_ago=5),
        incoming("3", author=Author("7", None, None, None), minutes_ago=90),
    ]
    batch = [told[number] for number in order]
    for part in [batch] if at_once else [[item] for item in batch]:
        take_in(store, part)
    with store.read() as session:
        person = session.scalars(select(Identity)).one()
    assert (person.handle, person.name, person.followers) == ("s", "Sara", 20)
    assert person.profile_at == START - timedelta(minutes=50)


@pytest.mark.parametrize("order", [(None, 0), (0, None)])
def test_of_two_profiles_of_one_instant_the_same_is_kept_whichever_came_first(
    store: Store, order: tuple[int | None, ...]
) -> None:
    for number, followers in enumerate(order):
        take_in(store, [incoming(str(number), author=Author("7", "s", "Sara", followers))])
    with store.read() as session:
        assert session.scalars(select(Identity.followers)).one() == 0


@pytest.mark.parametrize(
    "links", [(None, "https://a"), ("https://a", None), ("https://b", "https://a")]
)
def test_a_post_keeps_a_permalink_whoever_told_of_it(
    store: Store, links: tuple[str | None, str | None]
) -> None:
    for number, link in enumerate(links):
        comment = incoming(str(number), kind=MessageKind.COMMENT, post=PostRef("p1", link))
        take_in(store, [comment])
    with store.read() as session:
        assert session.scalars(select(Post)).one().permalink == "https://a"


def test_what_a_database_cannot_hold_is_kept_beside_what_it_can(store: Store) -> None:
    take_in(store, [incoming("1", "half\x00 a \ud83d sign"), incoming("2", "whole")])
    with store.read() as session:
        broken, whole = session.scalars(select(Message).order_by(Message.native_key))
    assert broken.text == "half\ufffd a \ufffd sign"
    assert broken.raw is not None
    assert broken.raw.decode("utf-8", "surrogatepass") == "half\x00 a \ud83d sign"
    assert whole.raw is None


def test_a_name_that_a_database_cannot_hold_does_not_keep_the_message_out(store: Store) -> None:
    author = Author("7", "s\x00ara", "Sa\ud83dra\x00" + "a" * 400, None)
    post = PostRef("p1", "https://x.com/\x00")
    take_in(store, [incoming("1", author=author, post=post, permalink="https://x.com/\ud83d")])
    with store.read() as session:
        person = session.scalars(select(Identity)).one()
    assert person.handle == "s\ufffdara"
    assert person.name == "Sa\ufffdra\ufffd" + "a" * 294


@pytest.mark.parametrize("field", ["native_key", "scope", "reply_to_key"])
def test_an_id_that_does_not_fit_is_refused_and_never_cut(store: Store, field: str) -> None:
    with pytest.raises(ValueError, match="longer than"):
        take_in(store, [incoming("1"), replace(incoming("2"), **{field: "9" * 301})])
    assert _count(store, Message) == 0


def test_a_message_of_a_million_words_is_kept_whole_and_found_by_the_first(store: Store) -> None:
    long = "unmistakable " + " ".join(f"w{n}" for n in range(300_000))
    take_in(store, [incoming("1", long)])
    assert _found(store, "unmistakable") == ["1"]
    assert _found(store, "w299999") == []
    with store.read() as session:
        assert session.scalars(select(Message.text)).one() == long


def test_a_message_of_nobody_is_refused_and_nothing_of_its_batch_is_kept(store: Store) -> None:
    with pytest.raises(ValueError, match="neither id nor handle"):
        take_in(store, [incoming("1"), incoming("2", author=Author(None, None))])
    assert _count(store, Message) == _count(store, Account) == 0


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="no time zone"):
        take_in(store, [incoming("1", written_at=START.replace(tzinfo=None))])


def test_old_messages_lie_in_one_closed_case_with_nothing_due_and_are_found(
    store: Store, policy: Policy
) -> None:
    take_in(store, [incoming(str(n), f"قدیمی {n}", minutes_ago=n, historic=True) for n in (9, 7)])
    take_in(store, [incoming("8", "قدیمی 8", minutes_ago=8, historic=True)])
    Pipeline(store, WordJudge(), policy).run_until_idle()
    (case,) = _cases(store)
    assert (case.state, case.historic, case.message_count) == (CaseState.CLOSED, True, 3)
    assert (case.due_at, case.waiting_since, case.needs_answer) == (None, None, False)
    assert case.closed_at == case.last_message_at == START - timedelta(minutes=7)
    assert case.opened_at == START - timedelta(minutes=9)
    assert _found(store, "قديمي") == ["7", "8", "9"]


def test_a_new_message_after_old_ones_opens_a_case_of_its_own(store: Store) -> None:
    take_in(store, [incoming("1", minutes_ago=900, historic=True)])
    take_in(store, [incoming("2"), incoming("0", minutes_ago=950, historic=True)])
    old, new = _cases(store)
    assert (old.historic, old.state, old.message_count) == (True, CaseState.CLOSED, 2)
    assert (new.historic, new.state, new.message_count) == (False, CaseState.OPEN, 1)
    assert old.conversation_id == new.conversation_id


def _close(store: Store) -> None:
    with store.write() as session:
        live = session.scalars(select(Case).where(Case.state != CaseState.CLOSED)).all()
        for case in live:
            case.state, case.closed_at = CaseState.CLOSED, store.clock.now()
            case.snoozed_until = case.waiting_since = case.due_at = None
        changes.note(session, [case.id for case in live])


def test_a_message_after_the_case_was_closed_opens_a_new_one(store: Store, clock: SetClock) -> None:
    take_in(store, [incoming("1")])
    _close(store)
    clock.advance(timedelta(hours=1))
    # Also one that was written before the closing: nobody can have read it.
    take_in(store, [incoming("2", minutes_ago=5)])
    first, second = _cases(store)
    assert (first.state, first.message_count) == (CaseState.CLOSED, 1)
    assert (second.state, second.message_count) == (CaseState.OPEN, 1)
    assert second.waiting_since == START - timedelta(minutes=5)


def test_a_known_message_that_is_delivered_again_does_not_reopen_its_case(store: Store) -> None:
    take_in(store, [incoming("1")])
    _close(store)
    take_in(store, [seen_by(incoming("1"), Source.SEARCH)])
    assert [case.state for case in _cases(store)] == [CaseState.CLOSED]


def test_a_snoozed_case_wakes_when_the_customer_writes(store: Store, clock: SetClock) -> None:
    take_in(store, [incoming("1", minutes_ago=30)])
    until = clock.now() + timedelta(days=1)
    with store.write() as session:
        session.execute(update(Case).values(state=CaseState.SNOOZED, snoozed_until=until))
    take_in(store, [incoming("0", minutes_ago=40, historic=True)])
    assert _cases(store)[0].state is CaseState.SNOOZED
    take_in(store, [incoming("2")])
    case = _cases(store)[0]
    assert (case.state, case.snoozed_until, case.message_count) == (CaseState.OPEN, None, 2)
    assert not case.judged


def test_each_batch_tells_the_screens_which_cases_moved(store: Store) -> None:
    take_in(store, [incoming("1", author="a"), incoming("2", author="b")])
    with store.read() as session:
        first = changes.since(session, 0)
    take_in(store, [incoming("3", author="b"), incoming("1", author="a")])
    with store.read() as session:
        moved = changes.since(session, first.upto)
    assert moved.case_ids == (_cases(store)[1].id,)


def test_a_name_that_is_told_later_renews_the_rows_that_show_it(store: Store) -> None:
    nameless = incoming("1", author=Author("7", None, None, None), minutes_ago=9)
    take_in(store, [nameless, incoming("2", author="b")])
    with store.read() as session:
        before = changes.latest(session)
    take_in(store, [incoming("1", author=Author("7", "s", "Sara", 20), minutes_ago=9)])
    with store.read() as session:
        moved = changes.since(session, before)
    assert moved.case_ids == (_cases(store)[0].id,)
    # How many follow them stands in no row.
    take_in(store, [incoming("1", author=Author("7", "s", "Sara", 21), minutes_ago=9)])
    with store.read() as session:
        assert changes.since(session, moved.upto).case_ids == ()


def test_every_message_and_every_case_is_one_fact(store: Store) -> None:
    take_in(store, many(20, authors=4))
    take_in(store, many(25, authors=4))
    with store.read() as session:
        facts = Counter(session.scalars(select(Fact.kind)))
    assert facts == {FactKind.MESSAGE_RECEIVED: 25, FactKind.CASE_OPENED: 4}


def test_a_batch_delivered_a_hundred_times_at_once_is_there_once(
    store: Store, make_database: Callable[..., AbstractContextManager[str]], clock: SetClock
) -> None:
    batch = many(12, authors=3)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: take_in(store, batch), range(100)))
    assert sum(result.new for result in results) == 12
    assert sum(result.duplicate for result in results) == 99 * 12
    with make_database() as url:
        clean = Store(url, clock)
        take_in(clean, batch)
        assert differences(content(store), content(clean)) == []
        clean.close()


def test_a_message_that_comes_in_the_moment_of_closing_opens_a_new_case(
    postgresql_store: Store,
) -> None:
    store = postgresql_store
    take_in(store, [incoming("1")])
    with ThreadPoolExecutor(1) as pool:
        with store.write() as session:
            session.execute(
                update(Case).values(
                    state=CaseState.CLOSED, closed_at=START, waiting_since=None, due_at=None
                )
            )
            arriving = pool.submit(take_in, store, [incoming("2")])
            until_someone_waits_for_a_row(store)
        assert arriving.result().new == 1
    first, second = _cases(store)
    assert (first.state, first.message_count, first.closed_at) == (CaseState.CLOSED, 1, START)
    assert (second.state, second.message_count) == (CaseState.OPEN, 1)


def test_nothing_is_lost_while_staff_close_cases_at_the_same_moment(
    postgresql_store: Store, policy: Policy
) -> None:
    store = postgresql_store
    batch = many(150, authors=2)
    finished = threading.Event()

    def close_all_day() -> int:
        closings = 0
        while not finished.is_set():
            _close(store)
            closings += 1
        return closings

    def judge_all_day() -> None:
        while not finished.is_set():
            Pipeline(store, WordJudge(), policy).run_once(10)

    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(close_all_day), pool.submit(judge_all_day)]
        try:
            for item in batch:
                take_in(store, [item])
        finally:
            finished.set()
        for other in others:
            other.result()
    Pipeline(store, WordJudge(), policy).run_until_idle()

    with store.read() as session:
        held = Counter(session.scalars(select(Message.case_id)))
        assert held.total() == len(batch)
        assert held == {case.id: case.message_count for case in session.scalars(select(Case))}
        assert all(session.scalars(select(Case.judged)))
    assert len(held) > 2


def test_what_its_author_took_back_loses_its_words_and_stays_counted(store: Store) -> None:
    take_in(store, [incoming("1", "شماره من ۰۹۱۲"), incoming("2", "سلام")])
    gone = replace(incoming("1", "شماره من ۰۹۱۲"), about=About(AboutKind.UNSENT))
    for _ in range(2):
        assert take_in(store, [gone]).new == 0
    with store.read() as session:
        first, second = session.scalars(select(Message).order_by(Message.native_key))
        assert (first.text, first.raw, first.about) == ("", None, AboutKind.UNSENT)
        assert "0912" not in first.search_text
        assert second.text == "سلام"
        found = matching_messages(session, "0912")
        assert found is not None
        assert session.scalars(found).all() == []
    # Also where the taking back is told before, or with, the message itself.
    never_seen = incoming("3", "secret")
    take_in(store, [never_seen, replace(never_seen, about=About(AboutKind.UNSENT))])
    take_in(store, [never_seen])
    with store.read() as session:
        third = session.scalars(select(Message).where(Message.native_key == "3")).one()
        assert (third.text, third.about) == ("", AboutKind.UNSENT)


def test_what_a_message_is_beside_its_words_is_kept(store: Store) -> None:
    story = About(AboutKind.STORY_REPLY, "https://cdn.example/story.jpg")
    take_in(store, [replace(incoming("1", "چند؟"), about=story)])
    with store.read() as session:
        message = session.scalars(select(Message)).one()
        assert (message.about, message.about_url) == (story.kind, story.url)


def test_what_the_shop_wrote_itself_is_no_customers_message_when_a_search_finds_it(
    store: Store,
) -> None:
    take_in(store, [incoming("1")])
    with store.write() as session:
        account = session.scalars(select(Account)).one()
        own = OwnMessageRow(
            platform=account.platform, native_key="77", account_id=account.id, kind="post",
            text="Autumn sale", written_at=START, received_at=START,
        )  # fmt: skip
        session.add(own)
    nobody = Author(native_id=None, handle="?")
    found = [
        replace(incoming(key), kind=MessageKind.POST, source=Source.SEARCH, author=nobody)
        for key in ("77", "78")
    ]
    result = take_in(store, found)
    assert (result.new, result.duplicate) == (1, 1)
    with store.read() as session:
        assert set(session.scalars(select(Message.native_key))) == {"1", "78"}
