"""The adapter and the simulated Instagram, together: what customers write arrives, what is sent is
there once, and what broke is found out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from channels.conftest import CALM
from support.simulated_instagram import Place, simulated_instagram

from rehearsal.instagram import Kind
from shenava.channels import (
    ChannelError,
    Deed,
    OutcomeUnknown,
    Outgoing,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unauthorised,
    Unreachable,
)
from shenava.channels.base import Cursor
from shenava.channels.instagram import InstagramChannel, Login, Token, oauth, rules
from shenava.channels.instagram.oauth import Places
from shenava.messages import MessageKind, Source


@dataclass
class Stage:
    place: Place

    @property
    def channel(self) -> InstagramChannel:
        keys = self.place.served.credentials
        token = Token(
            keys.access_token,
            Login.INSTAGRAM,
            keys.app_id,
            keys.app_secret,
            datetime.fromisoformat(keys.expires_at),
        )
        return InstagramChannel(
            token, self.place.clock, base_url=self.place.served.base_url, timeout=CALM
        )

    def read(self, source: Source, cursor: Cursor | None = None) -> tuple[dict[str, str], Cursor]:
        """All that can be read after ``cursor``, by key, with a new channel for each page."""
        found: dict[str, str] = {}
        at: Cursor = cursor or {}
        while True:
            page = self.channel.read(source, at)
            found |= {message.native_key: message.text for message in (*page.incoming, *page.own)}
            at = page.cursor
            if page.complete:
                return found, at

    def later(self, **span: float) -> None:
        self.place.clock.advance(timedelta(**span))


@pytest.fixture
def stage() -> Iterator[Stage]:
    with simulated_instagram() as place:
        yield Stage(place)


def test_who_we_are(stage: Stage) -> None:
    for wrapped in (False, True):
        stage.place.served.sim.manners.wrapped = wrapped
        profile = stage.channel.check()
        assert (profile.native_id, profile.handle) == (
            stage.place.shop.id,
            stage.place.shop.username,
        )
        assert profile.followers


def test_what_customers_write_arrives_once(stage: Stage) -> None:
    place = stage.place
    posts = [place.own_post(f"گلدان {n}") for n in range(3)]
    keys = {}
    for number in range(130):
        stage.later(seconds=2)
        made = place.comment(posts[number % 2], f"سفارش {number}", handle=f"c{number % 9}")
        keys[made.id] = made.text
    told = place.dm("سلام، کسی هست؟", handle="c1")
    found, cursor = stage.read(Source.COMMENT)
    assert {key: text for key, text in found.items() if key in keys} == keys
    assert {post.id for post in posts} <= set(found)
    inbox, _ = stage.read(Source.INBOX)
    assert inbox == {told.id: told.text}
    stage.later(minutes=20)
    assert stage.read(Source.COMMENT, cursor)[0] == {}
    late = place.comment(posts[2], "و این", handle="c3")
    answer = place.world.comment(
        place.customer("c4").id, posts[0].id, "من هم", reply_to=next(iter(keys))
    )
    again, _ = stage.read(Source.COMMENT, cursor)
    assert again[late.id] == "و این"
    assert again[answer.id] == "من هم"


def test_comments_of_an_app_that_was_not_reviewed_come_without_their_authors(stage: Stage) -> None:
    stage.place.served.sim.manners.authors_told = False
    made = stage.place.comment(stage.place.own_post())
    assert made.id in stage.read(Source.COMMENT)[0]


def test_an_answer_and_a_private_reply_are_there_once(stage: Stage) -> None:
    place = stage.place
    made = place.comment(place.own_post(), "پول کم شد")
    channel = stage.channel
    answer = channel.send(Outgoing(Deed.ANSWER, "پیگیری شد", to_key=made.id))
    (under,) = place.world.replies_to(made.id)
    assert (under.id, under.text) == (answer.native_key, "پیگیری شد")
    private = Outgoing(Deed.PRIVATE_REPLY, "شماره سفارش؟", to_key=made.id)
    sent = channel.send(private)
    assert sent.native_key in stage.read(Source.INBOX)[0]
    with pytest.raises(Rejected) as caught:
        channel.send(private)
    assert caught.value.because is RejectedBecause.DUPLICATE


def test_a_private_message_leaves_in_its_window_only(stage: Stage) -> None:
    told = stage.place.dm()
    channel = stage.channel
    message = Outgoing(Deed.DM, "سلام", to_native_id=told.sender_id)
    channel.send(message)
    stage.later(hours=25)
    with pytest.raises(Rejected) as caught:
        channel.send(message)
    assert (caught.value.because, caught.value.detail) == (RejectedBecause.NOT_ALLOWED, "window")
    by_person = Outgoing(
        Deed.DM, "سلام", to_native_id=told.sender_id, window=rules.HUMAN_AGENT.code
    )
    assert channel.send(by_person).native_key
    stage.later(days=7)
    with pytest.raises(Rejected):
        channel.send(by_person)


def test_hiding_and_taking_away_can_be_seen(stage: Stage) -> None:
    made = stage.place.comment(stage.place.own_post())
    channel = stage.channel
    for deed in (Deed.HIDE, Deed.DELETE):
        outgoing = Outgoing(deed, to_key=made.id)
        now = stage.place.clock.now()
        assert channel.find_sent(outgoing, now) is None
        channel.send(outgoing)
        assert channel.find_sent(outgoing, now) is not None
    assert stage.read(Source.COMMENT)[0].keys() == {made.media_id}


@pytest.mark.parametrize("deed", [Deed.ANSWER, Deed.DM, Deed.PRIVATE_REPLY])
@pytest.mark.parametrize(
    "kind", [Kind.RESET_AFTER, Kind.CUT_BODY, Kind.BAD_JSON, Kind.LOST_500, Kind.ERROR_2]
)
def test_what_was_carried_out_and_never_answered_is_found_and_what_was_not_is_absent(
    stage: Stage, deed: Deed, kind: Kind
) -> None:
    place = stage.place
    made = place.comment(place.own_post(), "پول کم شد")
    place.dm("سلام", handle="sara")
    outgoing = Outgoing(deed, "پیگیری شد", to_key=made.id, to_native_id=made.author_id)
    if deed is Deed.DM:
        outgoing = Outgoing(deed, "پیگیری شد", to_native_id=made.author_id)
    channel = stage.channel
    channel.check()
    left = place.clock.now()
    place.served.sim.faults.add(kind, times=1)
    with pytest.raises(OutcomeUnknown):
        channel.send(outgoing)
    stage.later(minutes=5)
    found = stage.channel.find_sent(outgoing, left)
    assert (found is None) is (kind is Kind.ERROR_2)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Kind.TOKEN, Unauthorised),
        (Kind.TOKEN_EXPIRED, Unauthorised),
        (Kind.PASSWORD_CHANGED, Unauthorised),
        (Kind.APP_REMOVED, Unauthorised),
        (Kind.PERMISSION, Rejected),
        (Kind.RATE_APP, RateLimited),
        (Kind.RATE_USER, RateLimited),
        (Kind.RATE_CALLS, RateLimited),
        (Kind.RATE_ACCOUNT, RateLimited),
        (Kind.BLOCKED, RateLimited),
        (Kind.ERROR_1, Unreachable),
        (Kind.ERROR_2, Unreachable),
        (Kind.HTML_502, Unreachable),
        (Kind.RESET_BEFORE, Unreachable),
        (Kind.RESET_AFTER, Unreachable),
        (Kind.CUT_BODY, Unreachable),
        (Kind.BAD_JSON, Unreachable),
        (Kind.LOST_500, Unreachable),
    ],
)
def test_no_fault_loses_what_a_reading_was_to_bring(
    stage: Stage, kind: Kind, error: type[ChannelError]
) -> None:
    made = [stage.place.comment(stage.place.own_post(f"p{n}")).id for n in range(3)]
    channel = stage.channel
    listed = channel.read(Source.COMMENT, {})
    stage.place.served.sim.faults.add(kind, times=1)
    with pytest.raises(error):
        channel.read(Source.COMMENT, listed.cursor)
    found, _ = stage.read(Source.COMMENT, listed.cursor)
    assert set(made) <= set(found)


def test_a_token_is_made_from_a_code_and_renewed_when_it_is_a_day_old(stage: Stage) -> None:
    place = stage.place
    keys = place.served.credentials
    places = Places.of(place.served.base_url, CALM)
    back = "http://127.0.0.1:8470/accounts/connect/instagram/callback"
    question = oauth.begin(places, keys.app_id, back)
    allowed = place.session.get(f"{question.url}&agree=yes", allow_redirects=False)
    code = oauth.code_from(allowed.headers["Location"], question.state)
    token = oauth.exchange(
        places,
        place.clock,
        app_id=keys.app_id,
        app_secret=keys.app_secret,
        redirect_uri=back,
        code=code,
    )
    assert token.renews
    channel = InstagramChannel(token, place.clock, base_url=place.served.base_url, timeout=CALM)
    assert channel.check().handle == place.shop.username
    stage.later(hours=25)
    fresh = channel.refresh()
    channel.use(fresh)
    assert channel.check().handle == place.shop.username
    assert fresh.expires_at is not None
    assert token.expires_at is not None
    assert fresh.expires_at > token.expires_at


def test_what_facebook_login_alone_sees(stage: Stage) -> None:
    place = stage.place
    keys = place.served.credentials
    token = Token(keys.facebook_token, Login.FACEBOOK, keys.app_id, keys.app_secret)
    stranger = place.customer("mina")
    tagged = place.world.post(stranger.id, "خرید از نورا", tagged=(place.shop.id,))
    place.world.post(stranger.id, "#نورا عالی")
    profile = stage.channel.check()
    channel = InstagramChannel(
        token,
        place.clock,
        base_url=place.served.base_url,
        timeout=CALM,
        profile=profile,
        query="نورا",
    )
    page = channel.read(Source.MENTION, {})
    (found,) = page.incoming
    assert (found.native_key, found.kind, found.author.handle) == (
        tagged.id,
        MessageKind.MENTION,
        "mina",
    )
    (post,) = channel.read(Source.SEARCH, {}).incoming
    assert post.kind is MessageKind.POST
