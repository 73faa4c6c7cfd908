"""Promises of pictures that platforms fetch from us, and of broadcasts under Instagram's rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.broadcasting import CONTENT, AnnouncingShop, ScriptedInstagram, names

from config import Settings
from dashboard.secret import derived, secret_key
from responder.broadcasts.drafting import Notice
from responder.broadcasts.progress import Outcome
from responder.broadcasts.snapshot import Means
from responder.policy import Policy
from service.hosting import PURPOSE, host_of
from shenava.channels.instagram.rules import STANDARD
from shenava.clock import SetClock
from shenava.messages import Deed
from shenava.public_media import LASTS, PATH, BadToken, picture_of
from shenava.store import RecipientState, Stage, Store

SIMULATED = "http://127.0.0.1:8801"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def shop(store: Store, clock: SetClock, policy: Policy) -> AnnouncingShop:
    """It is on Instagram, which can fetch its pictures."""
    shop = AnnouncingShop(store, ScriptedInstagram(clock), policy, means=Means(can_host=True))
    shop.host = lambda picture_id: f"https://shop.example/{picture_id}"
    return shop.open()


def _settings(home: Path, url: str, instagram: str = "") -> Settings:
    return Settings(home=home, public_url=url, instagram_base_url=instagram)


@pytest.mark.parametrize(
    ("url", "instagram", "hosts"),
    [
        ("https://desk.shop.example", "", True),
        ("https://desk.shop.example", SIMULATED, True),
        ("", SIMULATED, True),
        ("", "", False),
        ("http://localhost:8000", "", False),
    ],
)
def test_pictures_are_given_out_over_https_or_to_simulated_platforms_on_this_machine(
    sqlite_store: Store, home: Path, url: str, instagram: str, hosts: bool
) -> None:
    settings = _settings(home, url, instagram)
    assert settings.hosts_pictures is hosts
    assert (host_of(sqlite_store, settings) is not None) is hosts


def test_an_address_opens_its_picture_at_our_door_and_only_for_some_minutes(
    sqlite_store: Store, home: Path
) -> None:
    settings = _settings(home, "https://desk.shop.example/")
    host = host_of(sqlite_store, settings)
    assert host is not None
    base, _, token = host(42).partition(PATH)
    assert base == "https://desk.shop.example"
    key, now = derived(secret_key(home), PURPOSE), sqlite_store.clock.now()
    assert picture_of(key, token, now + LASTS - timedelta(seconds=1)) == 42
    with pytest.raises(BadToken):
        picture_of(key, token, now + LASTS)


def test_a_post_that_needs_a_picture_leaves_with_the_address_of_its_own(
    shop: AnnouncingShop,
) -> None:
    shop.complain(names(1))
    number = shop.announce()
    shop.work()
    rows = {row.deed: row for row in shop.outbox(number)}
    sent = {one.deed: one for _, _, one in shop.platform.accepted}
    picture_id = rows[Deed.POST].picture_id
    assert sent[Deed.POST].picture_url == f"https://shop.example/{picture_id}"
    assert sent[Deed.POST].picture is not None
    assert (sent[Deed.DM].picture, sent[Deed.DM].picture_url) == (None, None)


def test_where_no_picture_can_be_fetched_a_person_posts_it(shop: AnnouncingShop) -> None:
    shop.means = Means(can_host=False)
    number = shop.announce()
    shop.work()
    assert shop.accepted() == []
    assert shop.ledger(number)[f"post:{shop.account}"].state is RecipientState.BY_HAND


def test_it_works_again_stands_as_a_comment_under_the_post_and_takes_no_picture(
    shop: AnnouncingShop,
) -> None:
    content = replace(CONTENT, picture=True)
    first = shop.announce(Notice(content, shop.aim()))
    shop.work()
    second = shop.announce(Notice(content, shop.aim(), stage=Stage.RESOLVED, parent_id=first))
    shop.work()
    (_, key, post), (_, _, follow) = shop.platform.accepted
    assert (post.deed, follow.deed, follow.to_key) == (Deed.POST, Deed.ANSWER, key)
    assert (follow.picture, follow.own_thread) == (None, True)
    assert shop.progress(second).counts() == {"sent": 1}


def test_who_wrote_within_a_day_is_told_and_who_wrote_before_is_left_out_by_name(
    shop: AnnouncingShop,
) -> None:
    shop.complain(["earlier"])
    shop.store.clock.advance(timedelta(hours=24))  # type: ignore[attr-defined]
    shop.complain(["today"])
    number = shop.announce(Notice(CONTENT, shop.aim(place=False)))
    assert (line := shop.of("earlier", number)).state is RecipientState.LEFT_OUT
    assert line.reason == "people_only"
    shop.work()
    assert shop.accepted() == ["id-today"]
    assert [one.window for _, _, one in shop.platform.accepted] == [STANDARD.code]


def test_a_window_that_closes_before_its_turn_keeps_the_message_here(
    shop: AnnouncingShop,
) -> None:
    shop.complain(names(1))
    number = shop.announce(Notice(CONTENT, shop.aim(place=False), lasts_hours=48))
    shop.work(after=timedelta(hours=24))
    assert shop.accepted() == []
    assert [row.reason for row in shop.outbox(number)] == ["people_only"]
    assert shop.progress(number).of(Outcome.REFUSED) == 1
