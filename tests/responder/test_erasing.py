"""Promises of erasing: not one of their words is left, anywhere, and nothing comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session
from support.factories import SHOP_TELEGRAM, START, incoming
from support.judges import WordJudge
from support.painting import painted
from support.platform import ScriptedPlatform
from support.shop import add_person, connect_shop

from collectors.intake import take_in
from responder import casework, outbox
from responder.answered import take_own
from responder.erasing import ErasingError, erase_person
from responder.outbox import Asker, Draft
from responder.policy import Policy
from service.fetching import run_one
from service.pipeline import Pipeline
from service.sending import run_due
from shenava.channels import OwnMessage
from shenava.clock import SetClock
from shenava.messages import Author, Deed, MediaKind, MediaRef, MessageKind, PostRef, Source
from shenava.store import (
    Alone,
    Audit,
    Case,
    CaseState,
    Customer,
    CustomerNote,
    Fact,
    Identity,
    Message,
    OutboxRow,
    OutboxState,
    Picture,
    Store,
)

SECRETS = (
    "xylophone",  # in a message
    "marmalade",  # in an earlier version
    "quicksilver",  # in a picture's description
    "zanzibar",  # a name
    "zanzi_handle",
    "old_zanzi",
    "7700770077",  # the native id
    "tangerine",  # in a note
    "walnut",  # in an answer that was sent
    "hazelnut",  # in one that was not
    "pistachio",  # in a note about the customer
    "0912999888",  # a phone number, a clue
    "cardamom",  # in what was written in the platform's own app
    "saffron",  # in the picture of an answer, described
)


def _author(handle: str = "zanzi_handle") -> Author:
    return Author("7700770077", handle, "Zanzibar")


def _fill(store: Store, clock: SetClock, policy: Policy) -> tuple[int, ScriptedPlatform]:
    """A person on two platforms with all that a shop could have of them; the identity."""
    account = connect_shop(store)
    platform = ScriptedPlatform(clock)
    platform.media["https://pictures.test/zanzi_handle"] = painted()
    photo = MediaRef(
        "1", "https://pictures.test/zanzi_handle", MediaKind.PHOTO, "quicksilver receipt"
    )
    link = "https://x.com/zanzi_handle/status/1"
    first = replace(
        incoming(
            "1", "marmalade first", author=_author("old_zanzi"), permalink=link,
            post=PostRef("1", link),
        ),
        summoned=True,
    )  # fmt: skip
    second = replace(
        first,
        native_key="2",
        author=_author(),
        text="xylophone urgent complaint, call 0912999888",
        edited_from=("1",),
        media=(photo,),
        written_at=START,
    )
    dm = incoming("3", "xylophone in private", author=_author(), kind=MessageKind.DM)
    other = incoming("4", "xylophone elsewhere", author="zanzi_handle", account=SHOP_TELEGRAM)
    bystander = incoming("5", "an innocent word", author="bystander")
    take_in(store, [first])
    take_in(store, [second, dm, other, bystander])
    while run_one(store, platform, 10_000_000, Random(1)):
        pass
    Pipeline(store, WordJudge(), policy).run_until_idle()
    sara = add_person(store)
    with store.write() as session:
        mine = session.scalars(select(Identity).where(Identity.name == "Zanzibar").limit(1)).one()
        there = session.scalars(
            select(Identity).where(Identity.handle == "zanzi_handle", Identity.id != mine.id)
        ).one()
        customer = Customer(created_at=clock.now())
        session.add(customer)
        session.flush()
        mine.customer_id = there.customer_id = customer.id
        session.add(
            CustomerNote(
                customer_id=customer.id, user_id=sara, text="pistachio", written_at=clock.now()
            )
        )
        message = session.scalars(select(Message).where(Message.native_key == "2")).one()
        casework.note(session, sara, message.case_id, clock.now(), "tangerine zanzibar")
        picture = Picture(
            sha256="a" * 64, mime="image/jpeg", width=1, height=1, size=1,
            content=b"walnut picture", thumb=b"walnut thumb", created_at=clock.now(),
            uploaded_by=sara,
        )  # fmt: skip
        session.add(picture)
        session.flush()
        draft = Draft(
            Deed.ANSWER, account, "walnut for you", message_id=message.id, picture_id=picture.id,
            picture_alt="saffron",
        )  # fmt: skip
        outbox.enqueue(
            session, Asker(f"user:{sara}", "k1", sara), draft, clock.now(), platform.rules
        )
    clock.advance(timedelta(minutes=1))
    run_due(store, platform, policy, chance=Random(1))
    with store.write() as session:
        draft = Draft(Deed.ANSWER, account, "hazelnut too", message_id=message.id)
        outbox.enqueue(
            session, Asker(f"user:{sara}", "k2", sara), draft, clock.now(), platform.rules
        )
        own = OwnMessage("own-1", Deed.ANSWER, "@zanzi_handle cardamom", clock.now(), "2")
        take_own(session, account, [own], clock.now(), policy)
        return mine.id, platform


def _erase(store: Store, identity_id: int, clock: SetClock, policy: Policy) -> int:
    with store.write_alone(Alone.INTAKE) as session:
        return erase_person(session, identity_id, clock.now(), policy).messages


def _everything(store: Store) -> str:
    """Every value of every table, those of the search index among them."""
    parts = []
    with store.read() as session:
        for table in inspect(store.engine).get_table_names():
            for row in session.execute(text(f'SELECT * FROM "{table}"')):
                for value in row:
                    plain = bytes(value) if isinstance(value, bytes | memoryview) else value
                    parts.append(
                        plain.decode("latin-1") if isinstance(plain, bytes) else str(plain)
                    )
    return "\n".join(parts).casefold()


def test_not_one_word_is_left(store: Store, clock: SetClock, policy: Policy) -> None:
    identity, _ = _fill(store, clock, policy)
    before = _everything(store)
    # FTS5 writes the common beginning of neighbouring words once.
    assert [word for word in SECRETS if word not in before] == []
    assert _erase(store, identity, clock, policy) == 3
    after = _everything(store)
    assert [word for word in SECRETS if word in after] == []
    assert "an innocent word" in after


def test_not_one_word_is_left_in_the_files(
    sqlite_store: Store, clock: SetClock, policy: Policy
) -> None:
    store = sqlite_store
    identity, _ = _fill(store, clock, policy)
    _erase(store, identity, clock, policy)
    store.engine.dispose()
    store.settle_files()
    folder = Path(str(store.engine.url.database)).parent
    found = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    assert b"an innocent word" in found
    assert [word for word in SECRETS if word.encode() in found.lower()] == []


def _counts(session: Session) -> dict[int, int]:
    return {row.id: row.message_count for row in session.scalars(select(Case))}


def test_counts_and_facts_stay(store: Store, clock: SetClock, policy: Policy) -> None:
    identity, _ = _fill(store, clock, policy)
    with store.read() as session:
        before = [row.id for row in session.scalars(select(Fact))]
        counts = _counts(session)
    _erase(store, identity, clock, policy)
    with store.read() as session:
        assert set(before) <= set(session.scalars(select(Fact.id)))
        assert counts == _counts(session)
        theirs = session.scalars(select(Case).where(Case.identity_id == identity)).all()
        assert {case.state for case in theirs} == {CaseState.CLOSED}
        line = session.scalars(select(Audit).where(Audit.action == "person_erased")).one()
        assert line.details["messages"] == 3


def test_what_had_not_left_does_not_leave(store: Store, clock: SetClock, policy: Policy) -> None:
    identity, platform = _fill(store, clock, policy)
    _erase(store, identity, clock, policy)
    clock.advance(timedelta(minutes=1))
    run_due(store, platform, policy, chance=Random(1))
    assert platform.times_accepted("hazelnut too") == 0
    with store.read() as session:
        states = session.scalars(select(OutboxRow.state).order_by(OutboxRow.id)).all()
    assert states == [OutboxState.SENT, OutboxState.CANCELLED]


def test_nothing_of_theirs_is_taken_in_again(store: Store, clock: SetClock, policy: Policy) -> None:
    identity, _ = _fill(store, clock, policy)
    _erase(store, identity, clock, policy)
    for again in (
        incoming("2", "xylophone", author=_author()),
        # Never seen before, but written before.
        incoming("80", "xylophone", author=_author(), source=Source.SEARCH),
        # A file that knows them by a handle only, in whatever case.
        incoming("81", "xylophone", author=Author(None, "Zanzi_Handle"), source=Source.IMPORT),
        incoming("82", "xylophone", author=Author(None, "old_zanzi"), source=Source.IMPORT),
    ):
        assert take_in(store, [again]).new == 0
    assert "xylophone" not in _everything(store)


def test_who_writes_anew_is_a_new_person_whose_wishes_hold(
    store: Store, clock: SetClock, policy: Policy
) -> None:
    identity, _ = _fill(store, clock, policy)
    with store.write() as session:
        session.get_one(Identity, identity).opted_out_at = clock.now()
        session.get_one(Identity, identity).blocked_at = clock.now()
    _erase(store, identity, clock, policy)
    later = clock.now() + timedelta(days=1)
    clock.advance(timedelta(days=2))
    assert take_in(store, [incoming("90", "hello", author=_author(), written_at=later)]).new == 1
    with store.read() as session:
        anew = session.scalars(select(Identity).where(Identity.key == "id:7700770077")).one()
        assert anew.id != identity
        assert anew.opted_out_at is not None
        assert anew.blocked_at is not None


def test_an_echo_that_comes_again_brings_no_words_back(
    store: Store, clock: SetClock, policy: Policy
) -> None:
    identity, _ = _fill(store, clock, policy)
    _erase(store, identity, clock, policy)
    edited = OwnMessage(
        "own-2", Deed.ANSWER, "@zanzi_handle cardamom", clock.now(), "2", edited_from=("own-1",)
    )
    with store.write() as session:
        take_own(session, 1, [edited], clock.now(), policy)
    assert "cardamom" not in _everything(store)


def test_twice_is_the_same_as_once(store: Store, clock: SetClock, policy: Policy) -> None:
    identity, _ = _fill(store, clock, policy)
    assert _erase(store, identity, clock, policy) == 3
    assert _erase(store, identity, clock, policy) == 0


def test_nobody_cannot_be_erased(store: Store, clock: SetClock, policy: Policy) -> None:
    with pytest.raises(ErasingError):
        _erase(store, 99, clock, policy)
