"""An account of Instagram, from its token to an answered customer, all through the real pages, the
real vault and a simulated Instagram on loopback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from flask import Flask
from sqlalchemy import select
from support.answering import page_of, send, words_of
from support.browser import Browser, sign_in
from support.connecting import app_of, channels_of, stored_keys
from support.judges import WordJudge
from support.simulated_instagram import Place, simulated_instagram

from config import Settings
from dashboard.context import Desk
from responder.outbox import UNDO
from responder.policy import policy_of
from service import collecting, sending
from service.connecting import Connecting, open_vault
from service.pipeline import Pipeline
from shenava.channels.instagram.rules import PRIVATE_REPLY
from shenava.clock import SetClock
from shenava.messages import AboutKind, Deed, MessageKind, Platform, Source
from shenava.store import (
    Account,
    AccountState,
    App,
    Case,
    Coverage,
    Feed,
    Message,
    OutboxRow,
    OutboxState,
    Store,
    User,
)

START_PAGE = "/accounts/connect/instagram"


class Shop:
    """A dashboard whose Instagram is a simulated one, and both clocks as one."""

    def __init__(self, place: Place, desk: Desk, clock: SetClock) -> None:
        self.place, self.desk, self.clock = place, desk, clock
        self.channels = channels_of(desk.store, desk.settings)

    @property
    def store(self) -> Store:
        return self.desk.store

    def later(self, **span: float) -> None:
        for clock in (self.clock, self.place.clock):
            clock.advance(timedelta(**span))

    def collect(self) -> None:
        self.later(seconds=90)
        # Private messages are read as fast as Instagram allows: a little in each second.
        while collecting.run_due(self.store, self.channels, self.desk.policy, chance=Random(1)):
            self.later(seconds=1)
        Pipeline(self.store, WordJudge(), self.desk.policy).run_until_idle()

    def send_due(self) -> None:
        self.later(seconds=UNDO.total_seconds())
        sending.run_due(self.store, self.channels, self.desk.policy, chance=Random(1))

    def case_of(self, key: str) -> int:
        with self.store.read() as session:
            return session.scalars(select(Message.case_id).where(Message.native_key == key)).one()

    def row(self) -> OutboxRow:
        with self.store.read() as session:
            return session.scalars(select(OutboxRow).order_by(OutboxRow.id.desc())).first()  # type: ignore[return-value]


@pytest.fixture
def shop(sqlite_store: Store, settings: Settings, clock: SetClock) -> Iterator[Shop]:
    with ExitStack() as stack:
        place = stack.enter_context(simulated_instagram())
        there = settings.model_copy(update={"instagram_base_url": place.served.base_url})
        there.home.mkdir(parents=True, exist_ok=True)
        desk = Desk(sqlite_store, there, policy_of(there))
        shop = Shop(place, desk, clock)
        shop.desk = Desk(sqlite_store, there, desk.policy, rules=shop.channels.rules)
        yield shop


@pytest.fixture
def connecting(shop: Shop) -> Connecting:
    return Connecting(shop.store, open_vault(shop.desk.settings), shop.desk.settings)


@pytest.fixture
def app(shop: Shop, connecting: Connecting) -> Flask:
    return app_of(shop.desk, connecting)


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return shop.desk


def account_of(store: Store) -> Account:
    with store.read() as session:
        return session.scalars(select(Account)).one()


def connect(client: Browser, shop: Shop, *, token: str | None = None) -> int:
    """Through the pages: the token, the word to save, what is collected."""
    keys = shop.place.served.credentials
    given = token or keys.access_token
    answer = client.send(f"{START_PAGE}/token", app_name="Noora", token=given)
    assert answer.location == "/accounts/connect/confirm", answer.text
    page = client.get(answer.location).text
    assert f"@{shop.place.shop.username}" in page
    assert "US dollars" not in page
    done = client.send("/accounts/connect/confirm")
    account = account_of(shop.store)
    assert done.location == f"/accounts/{account.id}/collect"
    chosen = client.send(done.location, source=["comment", "inbox"], days="7")
    assert chosen.status_code == 302, chosen.text
    return account.id


def test_from_a_token_to_answered_customers(client: Browser, admin: User, shop: Shop) -> None:
    place = shop.place
    post = place.own_post()
    account = connect(client, shop)
    with shop.store.read() as session:
        feeds = {feed.source for feed in session.scalars(select(Feed))}
        assert feeds == {Source.COMMENT, Source.INBOX}
        assert session.scalars(select(App)).one().platform is Platform.INSTAGRAM
    complaint = place.comment(post, "پولم کم شد و سفارش ثبت نشد!! شکایت دارم", handle="neda")
    told = place.dm("سلام، کسی هست؟", handle="omid")
    shop.collect()
    with shop.store.read() as session:
        kinds = {one.native_key: one.kind for one in session.scalars(select(Message))}
        assert kinds == {complaint.id: MessageKind.COMMENT, told.id: MessageKind.DM}
        lines = session.scalars(select(Coverage)).all()
        assert {line.complete for line in lines} == {True}
        assert {feed.last_error for feed in session.scalars(select(Feed))} == {None}

    # In public, under the comment.
    case = shop.case_of(complaint.id)
    page = page_of(client, case)
    assert "In private, once" in page
    assert "bytes left" in page
    assert send(client, case, "پیگیری شد", deed="answer").status_code == 200
    shop.send_due()
    assert shop.row().state is OutboxState.SENT
    assert [one.text for one in place.world.replies_to(complaint.id)] == ["پیگیری شد"]

    # In private to the one who wrote privately; the window is told.
    case = shop.case_of(told.id)
    page = words_of(page_of(client, case))
    assert "Time to answer on Instagram: 23 h left" in page
    send(client, case, "بله، بفرمایید")
    shop.send_due()
    assert shop.row().state is OutboxState.SENT
    assert shop.row().deed is Deed.DM
    # The echoes are one with what was sent.
    shop.collect()
    with shop.store.read() as session:
        assert len(session.scalars(select(OutboxRow)).all()) == 2
    assert page_of(client, case).count("بله، بفرمایید") == 1
    assert stored_keys(shop.store, open_vault(shop.desk.settings), account)["login"] == "instagram"


def test_a_private_reply_leaves_once_and_its_comment_says_so(
    client: Browser, admin: User, shop: Shop
) -> None:
    post = shop.place.own_post()
    connect(client, shop)
    complaint = shop.place.comment(post, "شماره سفارشم را بدهم؟")
    shop.collect()
    case = shop.case_of(complaint.id)
    send(client, case, "لطفاً شماره سفارش را بفرستید", deed="private_reply")
    shop.send_due()
    row = shop.row()
    assert (row.state, row.deed, row.to_native_id) == (
        OutboxState.SENT,
        Deed.PRIVATE_REPLY,
        complaint.author_id,
    )
    page = page_of(client, case)
    assert 'value="private_reply"' not in page, "it is not offered a second time"
    shop.collect()
    with shop.store.read() as session:
        assert len(session.scalars(select(OutboxRow)).all()) == 1


def test_how_long_a_private_reply_was_possible_is_told_as_the_rules_have_it(
    client: Browser, admin: User, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meta may change it one day: then the sentence follows."""
    post = shop.place.own_post()
    connect(client, shop)
    complaint = shop.place.comment(post, "شماره سفارشم را بدهم؟")
    shop.collect()
    case = shop.case_of(complaint.id)
    shop.later(days=8)
    sign_in(client, admin.email)
    told = "A comment can be answered in private for {}; that time is over."
    assert told.format("7 days") in words_of(page_of(client, case))
    shorter = replace(PRIVATE_REPLY, lasts=timedelta(days=5))
    monkeypatch.setattr("dashboard.answering.words.PRIVATE_REPLY", shorter)
    assert told.format("5 days") in words_of(page_of(client, case))


def test_a_window_that_closes_before_the_answer_leaves_refuses_it_and_says_what_is_possible(
    client: Browser, admin: User, shop: Shop
) -> None:
    connect(client, shop)
    told = shop.place.dm("سلام")
    shop.collect()
    case = shop.case_of(told.id)
    shop.later(days=6, hours=23)
    sign_in(client, admin.email)
    page = words_of(page_of(client, case))
    assert "On Instagram only people may answer by now: 58 min left" in page
    send(client, case, "دیر شد")
    shop.later(hours=2)
    shop.send_due()
    sign_in(client, admin.email)
    row = shop.row()
    assert (row.state, row.reason) == (OutboxState.REFUSED, "window_closed")
    page = words_of(page_of(client, case))
    assert "The time in which Instagram lets you answer is over." in page
    assert "Answer by hand on Instagram, then say here that you did" in page


def test_after_a_day_a_person_still_answers_and_instagram_is_told_that_it_is_one(
    client: Browser, admin: User, shop: Shop
) -> None:
    connect(client, shop)
    told = shop.place.dm("سلام")
    shop.collect()
    shop.later(hours=30)
    sign_in(client, admin.email)
    send(client, shop.case_of(told.id), "ببخشید که دیر شد")
    shop.send_due()
    assert shop.row().state is OutboxState.SENT, shop.row().evidence


def test_the_list_shows_what_ends_first(client: Browser, admin: User, shop: Shop) -> None:
    connect(client, shop)
    told = shop.place.dm("سلام")
    shop.collect()
    listed = client.get("/inbox/").text
    assert 'class="countdown' in listed
    with shop.store.write() as session:
        session.get_one(Case, shop.case_of(told.id)).due_at = None
    assert re.search(
        r"23 h left</time><span class=\"hidden\"> to answer on Instagram",
        client.get("/inbox/").text,
    )


def test_what_has_no_words_says_what_it_is(client: Browser, admin: User, shop: Shop) -> None:
    connect(client, shop)
    told = shop.place.dm("سلام")
    shop.collect()
    with shop.store.write() as session:
        message = session.scalars(select(Message)).one()
        message.text, message.about = "", AboutKind.STORY_MENTION
        message.about_url = "javascript:alert(1)"
    page = page_of(client, shop.case_of(told.id))
    assert "Named you in a story" in page
    assert "javascript:" not in page
    assert "Named you in a story" in client.get("/inbox/").text


def test_a_wrong_token_is_refused_in_words_and_nothing_is_stored(
    client: Browser, admin: User, shop: Shop
) -> None:
    answer = client.send(f"{START_PAGE}/token", app_name="Noora", token="IGAA-not-a-token")
    assert answer.location == START_PAGE
    assert "Instagram does not take this token. Nothing was saved." in client.get(START_PAGE).text
    with shop.store.read() as session:
        assert session.scalars(select(Account)).all() == []
    answer = client.send(f"{START_PAGE}/token", app_name="Noora", token="two words")
    assert answer.status_code == 422
    assert "two words" not in answer.text


def test_over_instagrams_own_page(client: Browser, admin: User, shop: Shop) -> None:
    place = shop.place
    keys = place.served.credentials
    page = client.send(
        f"{START_PAGE}/ask", app_name="Noora", app_id=keys.app_id, app_secret=keys.app_secret
    ).text
    (address,) = re.findall(r'class="button main" href="([^"]+)"', page)
    there = place.session.get(address.replace("&amp;", "&") + "&agree=yes", allow_redirects=False)
    back = there.headers["Location"].partition("#")[0]
    path = "/" + back.split("/", 3)[3]
    assert client.get(path).location == "/accounts/connect/confirm"
    client.send("/accounts/connect/confirm")
    account = account_of(shop.store)
    assert account.handle == place.shop.username
    assert account.token_expires_at is not None
    # Used once.
    assert client.get(path).location == f"{START_PAGE}?way=login"


def test_who_says_no_at_instagram_has_connected_nothing(
    client: Browser, admin: User, shop: Shop
) -> None:
    place = shop.place
    keys = place.served.credentials
    page = client.send(
        f"{START_PAGE}/ask", app_name="Noora", app_id=keys.app_id, app_secret=keys.app_secret
    ).text
    (address,) = re.findall(r'class="button main" href="([^"]+)"', page)
    there = place.session.get(address.replace("&amp;", "&") + "&agree=no", allow_redirects=False)
    path = "/" + there.headers["Location"].partition("#")[0].split("/", 3)[3]
    assert client.get(path).location == f"{START_PAGE}?way=login"
    assert "Instagram says that it was not allowed" in client.get(START_PAGE).text


def test_a_page_token_also_brings_tags_and_hashtags(
    client: Browser, admin: User, shop: Shop
) -> None:
    keys = shop.place.served.credentials
    account = connect(client, shop, token=keys.facebook_token)
    stranger = shop.place.customer("mina")
    tagged = shop.place.world.post(stranger.id, "خرید", tagged=(shop.place.shop.id,))
    shop.place.world.post(stranger.id, "#نورا عالی بود")
    page = client.get(f"/accounts/{account}/collect").text
    assert "Hashtags" in page
    wrong = client.send(
        f"/accounts/{account}/collect", source=["mention"], searches="دو کلمه؟", days="7"
    )
    assert wrong.status_code == 422
    done = client.send(
        f"/accounts/{account}/collect", source=["mention"], searches="#نورا", days="7"
    )
    assert done.status_code == 302
    shop.collect()
    with shop.store.read() as session:
        found = {one.native_key: one.kind for one in session.scalars(select(Message))}
        assert {feed.last_error for feed in session.scalars(select(Feed))} == {None}
    assert found.pop(tagged.id) is MessageKind.MENTION
    assert set(found.values()) == {MessageKind.POST}
    case = shop.case_of(tagged.id)
    assert "It does not stand under a post of yours." in page_of(client, case)


def test_a_token_is_renewed_a_month_before_its_end_and_a_failure_to_costs_nothing(
    client: Browser, admin: User, shop: Shop
) -> None:
    account = connect(client, shop)
    vault = open_vault(shop.desk.settings)
    first = stored_keys(shop.store, vault, account)["access_token"]
    shop.later(days=31)
    # Each of the two readings tries once, and goes on with what works.
    shop.place.served.sim.faults.add("error_2", "GET /refresh_access_token", times=2)
    shop.collect()
    assert stored_keys(shop.store, vault, account)["access_token"] == first
    shop.collect()
    kept = stored_keys(shop.store, vault, account)
    assert kept["access_token"] != first
    assert "renewing_by" not in kept
    shop.later(days=45)
    shop.collect()
    found = account_of(shop.store)
    assert found.state is AccountState.CONNECTED
    assert found.token_expires_at is not None
    assert found.token_expires_at > shop.clock.now() + timedelta(days=40)


def test_agents_connect_nothing(client: Browser, agent: User, shop: Shop) -> None:
    for path in ("/accounts/connect", START_PAGE, f"{START_PAGE}/callback"):
        assert client.get(path).status_code == 403


def test_tokens_of_the_real_instagram_never_reach_a_rehearsal_nor_the_other_way_round(
    client: Browser, admin: User, shop: Shop
) -> None:
    connect(client, shop)
    real = shop.desk.settings.model_copy(update={"instagram_base_url": ""})
    with pytest.raises(Exception, match="another Instagram"):
        channels_of(shop.store, real).connect(account_of(shop.store).id)
