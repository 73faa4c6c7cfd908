"""Pictures on the pages: shown safely, described, and in words where there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select
from support.browser import Browser
from support.factories import incoming
from support.judges import WordJudge
from support.painting import painted
from support.platform import ScriptedPlatform
from support.shop import connect_shop

from collectors.intake import take_in
from dashboard.context import Desk
from service.fetching import run_one
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.messages import Incoming, MediaKind, MediaRef
from shenava.store import Attachment, Message, Picture, User

ALT = "رسید <b>بانک</b>"


@pytest.fixture
def signed_in(client: Browser, agent: User) -> Browser:
    return client


@pytest.fixture
def platform(desk: Desk, clock: SetClock) -> ScriptedPlatform:
    connect_shop(desk.store)
    found = ScriptedPlatform(clock)
    found.media["https://pictures.test/a"] = painted(900, 600)
    found.media["https://pictures.test/film"] = painted(300, 200)
    return found


def bring(desk: Desk, platform: ScriptedPlatform, item: Incoming) -> int:
    take_in(desk.store, [item])
    while run_one(desk.store, platform, 10_000_000, Random(1)):
        pass
    Pipeline(desk.store, WordJudge(), desk.policy).run_until_idle()
    with desk.store.read() as session:
        return session.scalars(select(Message.case_id)).first() or 0


def with_media(*refs: MediaRef) -> Incoming:
    return replace(incoming("1", "see this"), media=refs)


PHOTO = MediaRef("1", "https://pictures.test/a", MediaKind.PHOTO, ALT)
FILM = MediaRef("2", "https://pictures.test/film", MediaKind.VIDEO)
LOST = MediaRef("3", "https://pictures.test/lost", MediaKind.PHOTO, "a broken box")


def test_the_thread_shows_pictures_with_their_descriptions(
    desk: Desk, platform: ScriptedPlatform, signed_in: Browser
) -> None:
    case_id = bring(desk, platform, with_media(PHOTO, FILM, LOST))
    page = signed_in.get(f"/inbox/case/{case_id}").text
    assert 'alt="رسید &lt;b&gt;بانک&lt;/b&gt;"' in page
    assert "Film: this is its still" in page
    assert "Picture without a description" in page
    assert "Picture: cannot be had from the platform." in page
    assert "a broken box" in page
    assert 'class="muted with-picture"' in signed_in.get("/inbox/").text
    assert "<b>" not in page


def test_one_that_waits_is_told(desk: Desk, signed_in: Browser) -> None:
    connect_shop(desk.store)
    take_in(desk.store, [with_media(PHOTO)])
    page = signed_in.get("/inbox/case/1").text
    assert "Picture: is on its way." in page


def test_a_picture_opens_by_itself(
    desk: Desk, platform: ScriptedPlatform, signed_in: Browser
) -> None:
    case_id = bring(desk, platform, with_media(PHOTO))
    with desk.store.read() as session:
        number = session.scalars(select(Attachment.id)).one()
    page = signed_in.get(f"/pictures/of/{number}").text
    assert 'width="900" height="600"' in page
    assert f'href="/inbox/case/{case_id}#m' in page


def test_the_bytes_are_ours_and_harmless(
    desk: Desk, platform: ScriptedPlatform, signed_in: Browser
) -> None:
    bring(desk, platform, with_media(PHOTO))
    with desk.store.read() as session:
        number = session.scalars(select(Picture.id)).one()
    for address in (f"/pictures/{number}", f"/pictures/{number}/small"):
        answer = signed_in.get(address)
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.data.startswith(b"\xff\xd8\xff")
        again = signed_in.get(address, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_nothing_but_jpeg_and_png_is_ever_handed_out(desk: Desk, signed_in: Browser) -> None:
    with desk.store.write() as session:
        odd = Picture(
            sha256="0" * 64,
            mime="image/svg+xml",
            width=1,
            height=1,
            size=4,
            content=b"<svg",
            thumb=b"<svg",
            created_at=desk.store.clock.now(),
        )
        session.add(odd)
        session.flush()
        number = odd.id
    assert signed_in.get(f"/pictures/{number}").status_code == 404


def test_pictures_ask_for_a_sign_in(
    desk: Desk, platform: ScriptedPlatform, client: Browser
) -> None:
    bring(desk, platform, with_media(PHOTO))
    for address in ("/pictures/1", "/pictures/1/small", "/pictures/of/1"):
        assert client.get(address).status_code == 302


def test_an_edited_message_says_so_with_what_it_said(
    desk: Desk, platform: ScriptedPlatform, signed_in: Browser
) -> None:
    first = incoming("1", "the <old> words")
    case_id = bring(desk, platform, first)
    edited = replace(
        first,
        native_key="2",
        text="the new words",
        edited_from=("1",),
        written_at=first.written_at + timedelta(minutes=1),
    )
    bring(desk, platform, edited)
    page = signed_in.get(f"/inbox/case/{case_id}").text
    assert "what it said before" in page
    assert "the &lt;old&gt; words" in page
    assert "the new words" in page
    assert "1 message" not in signed_in.get("/inbox/").text
