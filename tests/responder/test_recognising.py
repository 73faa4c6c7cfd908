"""Promises of recognising: what people share is found, weighed and told, and costs no search."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text
from support.factories import SHOP, SHOP_TELEGRAM, START, incoming
from support.judges import WordJudge

from collectors.intake import take_in
from collectors.taken_back import take_back
from responder.clues import CatchUp, clues_of_profile, clues_of_text
from responder.likeness import Evidence, EvidenceKind, Strength, likeness, strength
from responder.names import name_of, sound_of
from responder.policy import Policy
from responder.suggesting import COMMON, Suggestion, asking, suggestions
from service.pipeline import Pipeline
from shenava.messages import AccountRef, Author, Platform
from shenava.store import Clue, ClueKind, Identity, Message, Store

INSTAGRAM = AccountRef(Platform.INSTAGRAM, "digikala")


@pytest.mark.parametrize(
    ("native", "latin"),
    [
        ("ندا رضایی", "Neda Rezaei"),
        ("محمد حسینی", "Mohammad Hosseini"),
        ("شیرین قاسمی", "Shirin Ghasemi"),
        ("خالد يوسف", "Khaled Yousef"),
        ("فاطمة الزهراء", "Fatemeh Al Zahra"),
        ("نوید کریمی", "navid KARIMI"),
        ("رضایی ندا", "Neda Rezaei"),
    ],
)
def test_a_name_sounds_alike_in_both_scripts(native: str, latin: str) -> None:
    assert sound_of(native) == sound_of(latin) is not None


def test_different_names_sound_different() -> None:
    names = ["ندا رضایی", "نادر رضوانی", "محمد حسینی", "شیرین قاسمی", "John Carter", "Sara Ahmadi"]
    for one, other in combinations(names, 2):
        assert sound_of(one) != sound_of(other), (one, other)


@pytest.mark.parametrize("name", ["علی", "Ali", "🌹🌹", "", "A B", "neda"])
def test_too_little_of_a_name_sounds_like_nothing(name: str) -> None:
    assert sound_of(name) is None


def test_letters_of_two_keyboards_and_the_order_of_words_do_not_matter() -> None:
    assert name_of("علي كريمي") == name_of("کریمی علی 🌹")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("سفارش ۱۲۳۴۵۶ نرسید", {(ClueKind.ORDER, "123456")}),
        ("سفارشم شماره 99887 کجاست", {(ClueKind.ORDER, "99887")}),
        ("طلبي رقم ٥٥٥١٢ متأخر", {(ClueKind.ORDER, "55512")}),
        ("Where is order #98123?", {(ClueKind.ORDER, "98123")}),
        ("sefaresham 88991 nayomad", {(ClueKind.ORDER, "88991")}),
        ("call me: ۰۹۱۲ ۳۴۵ ۶۷۸۹", {(ClueKind.PHONE, "123456789")}),
        ("+98 912-345-6789", {(ClueKind.PHONE, "123456789")}),
        ("00966 51 234 5678", {(ClueKind.PHONE, "512345678")}),
        ("me: Neda.R@Example.com.", {(ClueKind.EMAIL, "neda.r@example.com")}),
        ("insta: https://www.instagram.com/neda.r/?hl=fa", {(ClueKind.LINK, "instagram:nedar")}),
        ("t.me/@Neda_R، سلام", {(ClueKind.LINK, "telegram:nedar")}),
        ("https://x.com/neda_r/status/123456", set()),
        ("https://instagram.com/reel/", set()),
        ("I paid 120000000 toman, card 6037991234567890", set()),
        ("سلام، ۳ روز گذشته", set()),
    ],
)
def test_what_people_tell_of_themselves_is_read(text: str, found: set[object]) -> None:
    assert clues_of_text(text) == found


@given(st.text(max_size=3_000), st.text(max_size=300))
def test_any_text_is_read_to_what_a_database_can_hold(text: str, name: str) -> None:
    found = clues_of_text(text) | clues_of_profile(Platform.X, f"id:{name}", name, [name, text])
    assert all(0 < len(value) <= 100 and "\x00" not in value for _, value in found)


PIECES = st.builds(
    Evidence,
    st.sampled_from(EvidenceKind),
    st.text("abcdef ", min_size=3, max_size=12),
    others=st.integers(0, 9),
    same_platform=st.booleans(),
)


@given(st.lists(PIECES, max_size=6), PIECES)
def test_more_evidence_never_makes_less_likely_and_nothing_is_certain(
    pieces: list[Evidence], one_more: Evidence
) -> None:
    before, after = likeness(pieces), likeness([*pieces, one_more])
    assert 0 <= before <= after < 1
    assert likeness(reversed(pieces)) == pytest.approx(before)


@given(PIECES)
def test_what_many_share_says_less(piece: Evidence) -> None:
    more = Evidence(piece.kind, piece.value, piece.others + 1, piece.same_platform)
    assert likeness([more]) < likeness([piece])


@pytest.mark.parametrize(
    ("pieces", "called"),
    [
        ([Evidence(EvidenceKind.PHONE, "123456789")], Strength.STRONG),
        ([Evidence(EvidenceKind.ORDER, "98123")], Strength.LIKELY),
        ([Evidence(EvidenceKind.HANDLE, "nedarezaei")], Strength.LIKELY),
        ([Evidence(EvidenceKind.HANDLE, "neda")], Strength.POSSIBLE),
        ([Evidence(EvidenceKind.HANDLE, "nedarezaei", same_platform=True)], Strength.STRONG),
        ([Evidence(EvidenceKind.NAME, "neda rezaei")], Strength.POSSIBLE),
        ([Evidence(EvidenceKind.NAME, "neda")], None),
        ([Evidence(EvidenceKind.NAME, "neda rezaei", others=1)], None),
        (
            [Evidence(EvidenceKind.HANDLE, "nedarezaei"), Evidence(EvidenceKind.SOUND, "nd rz")],
            Strength.LIKELY,
        ),
        (
            [Evidence(EvidenceKind.HANDLE, "nedarezaei"), Evidence(EvidenceKind.ORDER, "98123")],
            Strength.STRONG,
        ),
    ],
)
def test_what_evidence_is_worth(pieces: list[Evidence], called: Strength | None) -> None:
    assert strength(likeness(pieces)) is called


# Among rows. ---------------------------------------------------------------------------------


def hear(store: Store, policy: Policy, *batch: object) -> None:
    take_in(store, list(batch))  # type: ignore[arg-type]
    Pipeline(store, WordJudge(), policy).run_until_idle()


def suggested(store: Store, key: str) -> list[Suggestion]:
    with store.read() as session:
        one = session.scalars(select(Identity.id).where(Identity.key == f"id:{key}")).one()
        return suggestions(session, [one])


def kinds(found: Suggestion) -> set[str]:
    return {piece.kind.value for piece in found.evidence}


def test_one_person_on_two_platforms_is_recognised_with_the_evidence(
    store: Store, policy: Policy
) -> None:
    hear(
        store,
        policy,
        incoming("1", "سفارش ۵۵۵۱۲ نرسید", author=Author("x1", "neda_r", "ندا رضایی")),
        incoming(
            "2",
            "order 55512? my x is x.com/neda_r",
            author=Author("i1", "neda.r", "Neda Rezaei"),
            account=INSTAGRAM,
        ),
        incoming("3", "hello", author=Author("i2", "somebody_else", "Omid"), account=INSTAGRAM),
    )
    (found,) = suggested(store, "x1")
    assert kinds(found) == {"order", "handle", "sound", "link"}
    assert found.strength is Strength.STRONG
    (back,) = suggested(store, "i1")
    assert kinds(back) == kinds(found)
    assert suggested(store, "i2") == []
    with store.read() as session:
        told = {key for piece in found.evidence for key in piece.messages}
        assert told == set(session.scalars(select(Message.id).where(Message.native_key != "3")))


def test_a_former_handle_is_evidence_too(store: Store, policy: Policy) -> None:
    hear(store, policy, incoming("1", author=Author("x1", "goldfish77"), minutes_ago=9))
    hear(store, policy, incoming("2", author=Author("x1", "silverfish"), minutes_ago=5))
    hear(store, policy, incoming("3", author=Author("t1", "goldfish77"), account=SHOP_TELEGRAM))
    (found,) = suggested(store, "t1")
    assert kinds(found) == {"handle"}


def test_what_more_than_a_few_share_says_nothing(store: Store, policy: Policy) -> None:
    crowd = [
        incoming(f"c{n}", "call +98 912 000 1122", author=Author(f"c{n}", f"crowd{n}z"))
        for n in range(COMMON + 2)
    ]
    hear(store, policy, *crowd)
    assert suggested(store, "c0") == []


def test_the_question_goes_through_indexes_alone(sqlite_store: Store, policy: Policy) -> None:
    hear(sqlite_store, policy, incoming("1", author=Author("x1", "neda_r", "ندا رضایی")))
    with sqlite_store.read() as session:
        statement = asking([(ClueKind.HANDLE, "nedar"), (ClueKind.ORDER, "1")]).compile(
            session.get_bind(), compile_kwargs={"literal_binds": True}
        )
        plan = session.execute(text(f"EXPLAIN QUERY PLAN {statement}")).all()
    looks = [row[3] for row in plan if "clues" in row[3]]
    assert looks and all(look.startswith("SEARCH clues USING") for look in looks), looks


def test_a_message_that_is_taken_back_tells_nothing_any_more(store: Store, policy: Policy) -> None:
    hear(
        store,
        policy,
        incoming("1", "order 55512", author=Author("x1", "aaa_bbb")),
        incoming("2", "order 55512", author=Author("i1", "ccc_ddd"), account=INSTAGRAM),
    )
    assert len(suggested(store, "i1")) == 1
    with store.write() as session:
        first = select(Message.id).where(Message.native_key == "1")
        take_back(session, session.scalars(first).all(), START)
    assert suggested(store, "i1") == []


def test_a_database_from_before_there_were_clues_is_read_little_by_little(
    store: Store, policy: Policy
) -> None:
    hear(store, policy, *(incoming(f"{n}", author=f"person{n}", account=SHOP) for n in range(7)))
    with store.write() as session:
        before = session.scalar(select(func.count()).select_from(Clue))
        session.execute(delete(Clue))
    catch_up = CatchUp(store, step=3)
    assert [catch_up.run_once() for _ in range(4)] == [3, 3, 1, 0]
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Clue)) == before
