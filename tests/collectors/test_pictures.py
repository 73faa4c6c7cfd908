"""Promises of fetching: each picture once, what it is, and in words where there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select, update
from support.factories import incoming
from support.painting import painted
from support.platform import ScriptedPlatform
from support.shop import connect_shop

from collectors import pictures
from collectors.intake import take_in
from collectors.pictures import LEASE, MAX_ATTEMPTS
from service.fetching import run_one
from shenava.channels import RateLimited, Rejected, RejectedBecause, Unreachable
from shenava.clock import SetClock
from shenava.messages import MediaKind, MediaRef
from shenava.store import (
    Account,
    AccountState,
    Attachment,
    AttachmentState,
    Change,
    Picture,
    Store,
)

MEGABYTE = 1024 * 1024
URL = "https://pictures.test/a"


@pytest.fixture
def platform(store: Store, clock: SetClock) -> ScriptedPlatform:
    connect_shop(store)
    return ScriptedPlatform(clock)


def _arrives(store: Store, url: str | None = URL) -> None:
    ref = MediaRef("3_1", url, MediaKind.PHOTO, "رسید بانک")
    take_in(store, [replace(incoming("1"), media=(ref,))])


def _run(store: Store, platform: ScriptedPlatform, limit: int = MEGABYTE) -> bool:
    return run_one(store, platform, limit, Random(1))


def _row(store: Store) -> Attachment:
    with store.read() as session:
        return session.scalars(select(Attachment)).one()


def test_a_picture_is_fetched_once_and_kept(store: Store, platform: ScriptedPlatform) -> None:
    platform.media[URL] = painted(800, 600, "PNG")
    _arrives(store)
    with store.read() as session:
        before = len(session.scalars(select(Change.id)).all())
    assert _run(store, platform)
    assert not _run(store, platform)
    _arrives(store)
    assert not _run(store, platform)
    assert platform.fetched == [URL]
    row = _row(store)
    assert row.state is AttachmentState.KEPT
    assert row.alt == "رسید بانک"
    with store.read() as session:
        kept = session.scalars(select(Picture)).one()
        assert (kept.mime, kept.width, kept.height) == ("image/jpeg", 800, 600)
        assert kept.content.startswith(b"\xff\xd8\xff")
        assert len(session.scalars(select(Change.id)).all()) == before + 1


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (Rejected(RejectedBecause.NOT_FOUND), AttachmentState.GONE),
        (Rejected(RejectedBecause.NOT_ALLOWED), AttachmentState.GONE),
        (Rejected(RejectedBecause.TOO_LARGE), AttachmentState.TOO_LARGE),
        (Rejected(RejectedBecause.NOT_A_PICTURE), AttachmentState.NOT_A_PICTURE),
        (b"\xff\xd8\xff broken", AttachmentState.NOT_A_PICTURE),
        (painted(), AttachmentState.TOO_LARGE),
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_told(
    store: Store, platform: ScriptedPlatform, found: bytes | Exception, state: AttachmentState
) -> None:
    platform.media[URL] = found
    _arrives(store)
    assert _run(store, platform, limit=1_000)
    assert not _run(store, platform)
    assert _row(store).state is state


def test_without_an_address_nothing_is_asked(store: Store, platform: ScriptedPlatform) -> None:
    _arrives(store, None)
    assert not _run(store, platform)
    assert _row(store).state is AttachmentState.GONE
    platform.media[URL] = painted()
    _arrives(store)
    assert _run(store, platform)
    assert _row(store).state is AttachmentState.KEPT


def test_an_unreachable_picture_is_tried_again_and_then_given_up(
    store: Store, platform: ScriptedPlatform, clock: SetClock
) -> None:
    platform.media[URL] = Unreachable("no route")
    _arrives(store)
    while _run(store, platform) or _row(store).state is AttachmentState.WAITING:
        clock.advance(timedelta(minutes=10))
    assert len(platform.fetched) == MAX_ATTEMPTS
    assert _row(store).state is AttachmentState.FAILED


def test_a_pace_that_is_used_up_is_no_failure(
    store: Store, platform: ScriptedPlatform, clock: SetClock
) -> None:
    platform.media[URL] = RateLimited(clock.now() + timedelta(minutes=15), named=True)
    _arrives(store)
    assert _run(store, platform)
    assert not _run(store, platform)
    assert _row(store).attempts == 0
    platform.media[URL] = painted()
    clock.advance(timedelta(minutes=16))
    assert _run(store, platform)
    assert _row(store).state is AttachmentState.KEPT


def test_two_workers_do_not_fetch_one_picture(
    store: Store, platform: ScriptedPlatform, clock: SetClock
) -> None:
    platform.media[URL] = painted()
    _arrives(store)
    first = pictures.claim_due(store)
    assert first is not None
    assert pictures.claim_due(store) is None
    clock.advance(LEASE)
    second = pictures.claim_due(store)
    assert second is not None
    for claim, state in ((first, None), (second, AttachmentState.KEPT)):
        found = pictures.fetch(store, claim, platform.connect, MEGABYTE, Random(1))
        assert found is state
    with store.read() as session:
        assert len(session.scalars(select(Picture.id)).all()) == 1


def test_an_account_that_is_not_connected_is_left_alone(
    store: Store, platform: ScriptedPlatform
) -> None:
    platform.media[URL] = painted()
    _arrives(store)
    with store.write() as session:
        session.execute(update(Account).values(state=AccountState.UNAUTHORISED))
    assert not _run(store, platform)
    assert platform.fetched == []
