"""Webhooks from the stored body on: taken in once and whole; nothing is vouched for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from support.factories import START, incoming
from support.shop import add_feed
from support.webhooks import (
    SHOP,
    Follower,
    InstagramShop,
    body,
    comment,
    dm,
    entry,
    instagram_shop,
    messaging,
)

from collectors import inbound
from collectors.intake import take_in
from responder.erasing import erase_person
from responder.policy import Policy
from service import webhooks
from service.recovery import take_over
from shenava.channels import OwnMessage, RateLimited, Rejected, RejectedBecause, Unreachable
from shenava.channels.webhooks import Fetched, PointerKind
from shenava.clock import SetClock
from shenava.messages import AboutKind, Author, Deed, Incoming, MessageKind, Platform, Source
from shenava.store import (
    Alone,
    Case,
    Coverage,
    Feed,
    Identity,
    InboundEvent,
    InboundReason,
    InboundState,
    Message,
    OwnMessageRow,
    Sighting,
    Store,
    WebhookAccount,
)
from shenava.store.removal import forget_bodies


@pytest.fixture
def shop(store: Store, tmp_path: Path) -> InstagramShop:
    found = instagram_shop(store, tmp_path)
    # A post that a reading has shown.
    with store.write() as session:
        session.add(
            OwnMessageRow(
                platform=Platform.INSTAGRAM,
                native_key="m1",
                account_id=found.account_id,
                kind=Deed.POST,
                text="",
                written_at=START,
                received_at=START,
            )
        )
    return found


Work = Callable[..., int]


@pytest.fixture
def work(store: Store, policy: Policy) -> Work:
    """Works through what is due; returns how many events."""

    def run(channel: Follower | None = None) -> int:
        count = 0
        while webhooks.run_one(store, channel or Follower(), policy):
            count += 1
        return count

    return run


def deliver(store: Store, shop: InstagramShop, *bodies: bytes) -> None:
    for one in bodies:
        with store.write() as session:
            inbound.keep(session, Platform.INSTAGRAM, shop.app_id, one, {}, store.clock.now())


def events(store: Store) -> list[InboundEvent]:
    with store.read() as session:
        return list(session.scalars(select(InboundEvent).order_by(InboundEvent.id)))


def messages(store: Store) -> dict[str, Message]:
    with store.read() as session:
        return {row.native_key: row for row in session.scalars(select(Message))}


def count(store: Store, row: type[Any]) -> int:
    with store.read() as session:
        return session.scalars(select(func.count()).select_from(row)).one()


# --- taking in ------------------------------------------------------------------------------


def test_what_a_body_tells_is_taken_in(store: Store, shop: InstagramShop, work: Work) -> None:
    deliver(store, shop, body(comment(), dm()))
    assert work() == 1
    assert sorted(messages(store)) == ["c1", "d1"]
    (event,) = events(store)
    assert (event.state, event.reason, event.outcome) == (InboundState.DONE, None, {"new": 2})
    with store.read() as session:
        assert set(session.scalars(select(Sighting.source))) == {Source.WEBHOOK}


def test_the_same_body_twice_is_one_event_and_its_content_twice_one_message(
    store: Store, shop: InstagramShop, work: Work
) -> None:
    deliver(store, shop, body(comment()), body(comment()), body(comment(), dm()))
    assert [event.deliveries for event in events(store)] == [2, 1]
    assert work() == 2
    deliver(store, shop, body(comment()))
    assert work() == 0, "a body that was taken in is not worked through again"
    assert sorted(messages(store)) == ["c1", "d1"]


def test_a_reading_and_a_webhook_bring_one_message_by_one_person(
    store: Store, shop: InstagramShop, work: Work
) -> None:
    deliver(store, shop, body(dm()))
    work()
    read = incoming("d1", "کسی هست؟", account=SHOP, author=Author("501", "sara"),
                    kind=MessageKind.DM, written_at=START, source=Source.INBOX)  # fmt: skip
    assert take_in(store, [read]).new == 0
    with store.read() as session:
        (identity,) = session.scalars(select(Identity))
        assert (identity.key, identity.handle) == ("id:501", "sara"), "the reading tells the name"
        assert session.scalars(select(func.count()).select_from(Case)).one() == 1


def test_no_cursor_moves_and_nothing_is_vouched_for(
    store: Store, shop: InstagramShop, work: Work
) -> None:
    feed = add_feed(store, shop.account_id)
    deliver(store, shop, body(comment()))
    work()
    with store.read() as session:
        row = session.get_one(Feed, feed)
        assert (row.cursor, row.last_ok_at, row.last_new_at) == ({}, None, None)
    assert count(store, Coverage) == 0


def test_an_echo_is_the_shop_s_own(store: Store, shop: InstagramShop, work: Work) -> None:
    deliver(store, shop, body(dm("d1")), body(dm("d2", author="17841400000000001", to="501",
                                                  is_echo=True,
                                                  at=START + timedelta(minutes=1))))  # fmt: skip
    work()
    with store.read() as session:
        own = session.scalars(select(OwnMessageRow).where(OwnMessageRow.kind == Deed.DM)).one()
        (case,) = session.scalars(select(Case))
        assert (own.native_key, own.case_id) == ("d2", case.id)
        assert case.waiting_since is None, "it was answered in Instagram's own app"


def test_a_message_that_was_taken_back_leaves_its_words_nowhere(
    store: Store, shop: InstagramShop, work: Work
) -> None:
    deliver(store, shop, body(dm("d1", "my card is 6037…")), body(dm("d2", "and another")))
    work()
    deliver(store, shop, body(dm("d1", None, is_deleted=True)))
    work()
    row = messages(store)["d1"]
    assert (row.text, row.about) == ("", AboutKind.UNSENT)
    kept = [event.body for event in events(store)]
    assert not any(b"6037" in one for one in kept)
    assert any(b"and another" in one for one in kept)


def test_taken_back_before_it_came(store: Store, shop: InstagramShop, work: Work) -> None:
    deliver(store, shop, body(dm("d1", None, is_deleted=True)))
    work()
    deliver(store, shop, body(dm("d1", "late words")))
    work()
    assert messages(store)["d1"].text == ""


# --- times ----------------------------------------------------------------------------------


def read_comment(at: Any, key: str = "c1") -> Incoming:
    return incoming(key, "سفارش من نرسید!", account=SHOP, author=Author("501", "user501"),
                    kind=MessageKind.COMMENT, written_at=at, source=Source.MENTION,
                    post="m1", reply_to_key="m1")  # fmt: skip


@pytest.mark.parametrize("webhook_first", [True, False])
def test_a_comment_is_as_old_as_the_reading_says(
    store: Store, shop: InstagramShop, work: Work, webhook_first: bool
) -> None:
    written = START - timedelta(minutes=7)
    if not webhook_first:
        take_in(store, [read_comment(written)])
    deliver(store, shop, body(comment(at=START)))
    work()
    take_in(store, [read_comment(written)])
    with store.read() as session:
        (case,) = session.scalars(select(Case))
        times = (case.opened_at, case.last_message_at, case.waiting_since)
    assert times == (written, written, written)
    assert messages(store)["c1"].written_at == written


# --- what is only pointed to ------------------------------------------------------------------


def test_a_mention_is_fetched(store: Store, shop: InstagramShop, work: Work) -> None:
    change = {"field": "mentions", "value": {"media_id": "m9", "comment_id": "c9"}}
    deliver(store, shop, body(entry(changes=[change])))
    channel = Follower({"c9": Fetched((read_comment(START, "c9"),))})
    work(channel)
    assert [one.kind for one in channel.asked] == [PointerKind.MENTION_COMMENT]
    assert list(messages(store)) == ["c9"]


def test_a_comment_under_a_post_that_no_reading_has_shown_is_fetched(
    store: Store, shop: InstagramShop, work: Work
) -> None:
    """Under an album the notice names one picture of it; the reading names the album."""
    deliver(store, shop, body(comment("c1", post="picture-2")))
    channel = Follower({"c1": Fetched((read_comment(START - timedelta(seconds=3)),))})
    work(channel)
    with store.read() as session:
        message = session.scalars(select(Message)).one()
        assert message.conversation.thread == "post:m1"
    deliver(store, shop, body(comment("c2")))
    work(channel)
    assert len(channel.asked) == 1, "of a known post nothing is asked"


def test_what_cannot_be_fetched_now_is_tried_again_and_a_complaint_does_not_wait_long(
    store: Store, shop: InstagramShop, work: Work, clock: SetClock
) -> None:
    deliver(store, shop, body(comment("c1", post="strange")))
    channel = Follower(errors=iter([Unreachable("x")] * 99))
    for _ in range(webhooks.PATIENCE - 1):
        work(channel)
        (event,) = events(store)
        assert event.state is InboundState.WAITING
        assert messages(store) == {}
        clock.advance(timedelta(minutes=10))
    work(channel)
    assert list(messages(store)) == ["c1"]
    assert events(store)[0].state is InboundState.DONE


def test_a_rate_limit_is_kept_to(
    store: Store, shop: InstagramShop, work: Work, clock: SetClock
) -> None:
    change = {"field": "mentions", "value": {"media_id": "m9"}}
    deliver(store, shop, body(entry(changes=[change]), comment("c1")))
    until = START + timedelta(hours=1)
    channel = Follower(
        {"m9": Fetched((read_comment(START, "c9"),))},
        errors=iter([RateLimited(until, named=True)]),
    )
    work(channel)
    assert list(messages(store)) == ["c1"], "what needs nothing is there at once"
    clock.advance(timedelta(minutes=59))
    assert work(channel) == 0
    clock.advance(timedelta(minutes=2))
    assert work(channel) == 1
    assert sorted(messages(store)) == ["c1", "c9"]


def test_a_mention_that_cannot_be_fetched_is_kept_with_its_reason(
    store: Store, shop: InstagramShop, work: Work
) -> None:
    change = {"field": "mentions", "value": {"media_id": "m9"}}
    deliver(store, shop, body(entry(changes=[change])))
    work(Follower(errors=iter([Rejected(RejectedBecause.NOT_ALLOWED)])))
    (event,) = events(store)
    assert (event.state, event.reason) == (InboundState.FAILED, InboundReason.UNFETCHED)


def test_a_mention_that_is_gone_is_no_failure(
    store: Store, shop: InstagramShop, work: Work
) -> None:
    change = {"field": "mentions", "value": {"media_id": "m9"}}
    deliver(store, shop, body(entry(changes=[change])))
    work(Follower(errors=iter([Rejected(RejectedBecause.NOT_FOUND)])))
    (event,) = events(store)
    assert (event.state, event.outcome) == (InboundState.DONE, {"gone": 1})


# --- what is not understood -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reason", "taken_in"),
    [
        (b"{", InboundReason.UNREADABLE, []),
        (body({**comment(), "id": "999"}), InboundReason.STRANGER, []),
        (body(comment("c1", media={}), comment("c2")), InboundReason.FAULTY, ["c2"]),
        (body(dm("d" * 400)), InboundReason.INTERNAL, []),
    ],
)
def test_what_is_not_understood_is_kept_with_its_reason_and_can_be_tried_again(
    store: Store,
    shop: InstagramShop,
    work: Work,
    clock: SetClock,
    said: bytes,
    reason: InboundReason,
    taken_in: list[str],
) -> None:
    deliver(store, shop, said)
    for _ in range(webhooks.PATIENCE):
        work()
        clock.advance(timedelta(hours=1))
    (event,) = events(store)
    assert (event.state, event.reason, event.body) == (InboundState.FAILED, reason, said)
    assert sorted(messages(store)) == taken_in
    with store.write() as session:
        assert inbound.retry(session, clock.now(), event.id) == 1
    assert work() == 1
    assert events(store)[0].reason is reason


def test_a_newer_version_tries_again_what_an_older_one_did_not_understand(
    store: Store, shop: InstagramShop, work: Work, clock: SetClock
) -> None:
    deliver(store, shop, b"{")
    work()
    with store.write() as session:
        assert inbound.retry_after_upgrade(session, webhooks.__version__, clock.now()) == 0
        assert inbound.retry_after_upgrade(session, "newer", clock.now()) == 1
    assert work() == 1


def test_what_is_not_known_is_counted_in_the_event(
    store: Store, shop: InstagramShop, work: Work
) -> None:
    deliver(store, shop, body(comment(mood="angry"), messaging({"read": {"mid": "x"}})))
    work()
    assert events(store)[0].outcome == {
        "new": 1,
        "noted": {"seen": 1},
        "unknown": {"comment mood": 1},
    }


# --- workers ----------------------------------------------------------------------------------


def test_a_worker_that_died_leaves_a_lease_that_runs_out(
    store: Store, shop: InstagramShop, work: Work, clock: SetClock
) -> None:
    deliver(store, shop, body(comment()))
    assert inbound.claim_due(store) is not None
    assert work() == 0
    clock.advance(inbound.LEASE)
    assert work() == 1
    assert list(messages(store)) == ["c1"]


def test_a_service_that_starts_alone_takes_up_at_once_what_a_dead_one_held(
    store: Store, shop: InstagramShop, work: Work
) -> None:
    deliver(store, shop, body(comment()))
    assert inbound.claim_due(store) is not None
    take_over(store)
    assert work() == 1
    assert list(messages(store)) == ["c1"]


def test_one_that_was_too_slow_changes_nothing(
    store: Store, shop: InstagramShop, policy: Policy, clock: SetClock
) -> None:
    change = {"field": "mentions", "value": {"media_id": "m9"}}
    deliver(store, shop, body(entry(changes=[change]), comment("c1")))

    class Slow(Follower):
        def follow(self, pointer: Any) -> Fetched:
            clock.advance(inbound.LEASE)
            other = inbound.claim_due(store)
            assert other is not None
            return Fetched()

    assert webhooks.run_one(store, Slow(), policy)
    assert messages(store) == {}, "the other has it now"
    assert events(store)[0].state is InboundState.WAITING


# --- misses, silence, an end --------------------------------------------------------------------


def missed(store: Store) -> tuple[int, bool]:
    with store.read() as session:
        (one,) = inbound.webhooks(session, store.clock.now()).accounts.values()
        return one.missed, one.silent


def found_by_reading(store: Store, shop: InstagramShop, *keys: str) -> None:
    result = take_in(store, [read_comment(store.clock.now(), key) for key in keys])
    with store.write() as session:
        inbound.note_misses(session, shop.account_id, result.message_ids, store.clock.now())


def test_a_message_found_by_reading_first_is_a_miss_unless_its_webhook_still_comes(
    store: Store, shop: InstagramShop, work: Work, clock: SetClock
) -> None:
    deliver(store, shop, body(comment("c0")))
    work()
    clock.advance(timedelta(minutes=1))
    found_by_reading(store, shop, "c1", "c2")
    assert missed(store) == (0, False), "its webhook may be on its way"
    deliver(store, shop, body(comment("c2", at=clock.now())))
    work()
    clock.advance(inbound.MAY_STILL_COME)
    assert missed(store) == (1, False)
    clock.advance(inbound.COUNTED)
    assert missed(store) == (0, False)


def test_webhooks_that_stay_away_are_noticed(
    store: Store, shop: InstagramShop, work: Work, clock: SetClock
) -> None:
    deliver(store, shop, body(comment("c0")))
    work()
    clock.advance(timedelta(minutes=1))
    found_by_reading(store, shop, "c1", "c2", "c3")
    clock.advance(inbound.MAY_STILL_COME)
    assert missed(store) == (3, True)
    deliver(store, shop, body(comment("c9")))
    work()
    assert missed(store) == (3, False), "they come again"


def test_before_the_first_webhook_nothing_is_missed(
    store: Store, shop: InstagramShop, clock: SetClock
) -> None:
    found_by_reading(store, shop, "c1")
    clock.advance(timedelta(hours=1))
    with store.read() as session:
        assert inbound.webhooks(session, clock.now()).accounts == {}


def test_an_order_that_was_lost_is_noticed(
    store: Store, shop: InstagramShop, work: Work, clock: SetClock
) -> None:
    deliver(store, shop, body(comment()))
    work()
    channel = Follower()
    assert webhooks.ask_subscriptions(store, channel) == 1
    assert webhooks.ask_subscriptions(store, channel) == 0, "once an hour"
    channel.ordered = frozenset()
    clock.advance(webhooks.ASKED_EVERY + timedelta(minutes=1))
    webhooks.ask_subscriptions(store, channel)
    with store.read() as session:
        assert session.scalars(select(WebhookAccount)).one().subscribed is False
        assert inbound.webhooks(session, clock.now()).accounts[shop.account_id].lost
    channel.connected = False
    clock.advance(webhooks.ASKED_EVERY + timedelta(minutes=1))
    webhooks.ask_subscriptions(store, channel)
    with store.read() as session:
        assert session.scalars(select(WebhookAccount)).one().subscribed is False


def test_bodies_go_when_they_have_served_their_time(
    store: Store, shop: InstagramShop, work: Work, clock: SetClock
) -> None:
    deliver(store, shop, body(comment()), b"{")
    work()

    def prune() -> int:
        with store.write() as session:
            return inbound.prune(session, clock.now(), 14, 100)

    clock.advance(timedelta(days=13))
    assert prune() == 0
    clock.advance(timedelta(days=2))
    assert prune() == 1
    assert [event.state for event in events(store)] == [InboundState.FAILED]
    clock.advance(inbound.KEEP_FAILED)
    assert prune() == 1


def test_erasing_a_person_removes_the_bodies_that_hold_them(
    store: Store, shop: InstagramShop, work: Work
) -> None:
    deliver(store, shop, body(comment(author="501")), body(comment("c2", author="5012")))
    work()
    deliver(store, shop, body(dm("d1", author="501"), dm("d3", author="7")))
    with store.write() as session:
        assert forget_bodies(session, Platform.INSTAGRAM, {"501"}) == 2
    assert len(events(store)) == 2, "what still waits is taken in first"
    work()
    assert "d3" in messages(store)
    assert [b"5012" in event.body for event in events(store)] == [True]


def test_an_erased_person_stands_in_no_body(
    store: Store, shop: InstagramShop, work: Work, policy: Policy, clock: SetClock
) -> None:
    deliver(store, shop, body(comment()), body(dm("d1", author="502")))
    work()
    with store.write_alone(Alone.INTAKE) as session:
        identity = session.scalars(select(Identity.id).where(Identity.key == "id:501")).one()
        erase_person(session, identity, clock.now(), policy)
    assert [b"501" in event.body for event in events(store)] == [False]
    deliver(store, shop, body(comment("c1"), dm("d2", author="502")))
    work()
    assert messages(store)["c1"].text == "", "told again, it does not come back"
    assert "d2" in messages(store)


def test_own_messages_that_are_fetched_are_stored(
    store: Store, shop: InstagramShop, work: Work
) -> None:
    deliver(store, shop, body(comment(**{"from": {}})))
    own = OwnMessage("c1", Deed.ANSWER, "thanks", START, "c0")
    work(Follower({"c1": Fetched(own=(own,))}))
    with store.read() as session:
        keys = set(session.scalars(select(OwnMessageRow.native_key)))
    assert keys == {"m1", "c1"}
