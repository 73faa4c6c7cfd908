"""Promises of opting out: the wish is understood, its look-alikes are not, the last word holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from support.factories import START, incoming
from support.judges import WordJudge
from support.shop import connect_shop

from collectors.intake import take_in
from responder.circumstances import body_hash, gather
from responder.gate import ALLOWED, Refused, gate
from responder.opt_out import is_opt_in, is_opt_out
from responder.policy import Policy
from service.connecting import XWays
from service.pipeline import Pipeline
from shenava.channels.rules import Reason, WayOut
from shenava.clock import SetClock
from shenava.messages import Deed, Incoming, MessageKind, Platform
from shenava.store import (
    Audit,
    Case,
    Fact,
    FactKind,
    Identity,
    Message,
    OutboxRow,
    OutboxState,
    Store,
)

OUT = (
    "STOP", "stop.", "Stop!!!", "please stop", "stop please", "STOP STOP STOP", "@shop stop",
    "@shop Stop 🙏", "unsubscribe", "/stop", "stopall", "opt out", "remove me from your list",
    "stop sending me messages", "Please stop texting me!", "don't message me again",
    "Do not send me any more ads", "don’t send me messages anymore", "stop spamming me",
    "I already bought it, stop messaging me", "I don't want your messages anymore",
    "لغو", "لغو۱۱", "لغو11", "لغو ۱۱", "لطفا لغو", "لغو لطفاً", "لـغـو", "ﻟﻐﻮ", "لغو عضویت",
    "دیگه پیام ندید", "دیگه برام پیام نفرستید", "دیگه پیام نده", "ديگه پيام نديد",
    "لطفاً دیگر پیامک تبلیغاتی نفرستید", "ارسال پیامک را متوقف کنید", "پیام نفرستید",
    "برام پیام نفرست", "خرید کردم، دیگه تبلیغات نفرستید", "سلام، لغو",
    "إلغاء", "الغاء", "إِلْغَاء", "إلغاء الاشتراك", "لا ترسلوا لي رسائل بعد الآن",
    "توقفوا عن إرسال الرسائل", "أوقفوا الرسائل", "لا تراسلوني مرة أخرى", "من فضلك إيقاف",
    "لا أريد رسائلكم", "مش عايز رسائل تاني",
    "laghv", "laghv11", "Laghv 11", "dige payam nadid", "lotfan dige payam nafrestid",
    "dige baram payamak nafrest", "elgha2", "el8a2", "batlo teb3ato rasayel",
)  # fmt: skip

NOT_OUT = (
    "", " ", "🛑", "?", "hello", "start", "…",
    "stop delaying my order", "stop?", "full stop", "bus stop", "don't stop", "non-stop",
    "stop it", "the app says stop", "stop my order", "please stop the payment", "stop calling",
    "STOP the shipment please", "can you stop the delivery", "stop sending me the wrong size",
    "don't send me the blue one", "don't send me", "never message me", "stop sign",
    "you don't contact me", "you never message me again", "why don't you message me back",
    "how do I unsubscribe?", "cancel", "cancel my order", "end", "quit", "my messages stop",
    "don't contact me", "I don't want it anymore", "stop sending my order to the wrong address",
    "لغو سفارش", "سفارشم رو لغو کنید", "لغو کنید", "لغو شد", "لغو؟", "لغو سفارش ۱۱", "آیا لغو شد",
    "چطور لغو کنم", "سفارش ۱۱ لغو", "لغو خرید", "میخوام لغو کنم", "چرا لغو شد سفارش من",
    "پیام ندید", "پیام منو ندید", "چرا دیگه پیام نمیدید", "از دیروز پیام ندادید", "پیام بدید",
    "دیگه خرید نمیکنم", "دیگه سفارش نفرستید", "برام سفارش نفرستید", "توقف ارسال سفارش",
    "دیگه پیام نمی‌فرستید؟", "بسه دیگه", "خبری نشد", "کالا را نفرستید",
    "إلغاء الطلب", "الغاء الطلب", "إلغاء؟", "كيف ألغي الطلب 123؟", "أريد إلغاء طلبي",
    "توقف الموقع", "توقف الطلب", "وقف الشحن", "لا ترسلوا الطلب", "لا ترسلوا لي اللون الأزرق",
    "لا ترسلوا لي", "لا أريد الطلب", "بلاش توصيل", "أرسلوا لي رسالة", "لماذا لا ترسلون",
    "laghve sefaresh", "sefaresham ro laghv konid", "laghv shod?", "chera dige payam nemidid",
    "elgha2 el talab", "ana 3ayez elgha2 el order",
)  # fmt: skip


@pytest.mark.parametrize("text", OUT)
def test_who_wants_to_hear_no_more_is_understood(text: str) -> None:
    assert is_opt_out(text)
    assert not is_opt_in(text)


@pytest.mark.parametrize("text", NOT_OUT)
def test_who_speaks_of_an_order_or_of_anything_else_is_not_silenced(text: str) -> None:
    assert not is_opt_out(text)


@pytest.mark.parametrize(
    "text",
    ["START", "start!", "/start", "unstop", "شروع", "لطفا شروع", "ابدأ", "إبدأ", "shoro", "اشترك"],
)
def test_the_way_back_is_understood(text: str) -> None:
    assert is_opt_in(text)
    assert not is_opt_out(text)


@pytest.mark.parametrize(
    "text",
    [
        "أبدا",
        "أبداً",
        "ابدا",
        "لم يصلني أبداً",
        "start my order",
        "شروع سفارش",
        "start?",
        "stop",
        "شروع به کار",
        "ابدأ الطلب",
        "when do you start",
        "",
    ],
)
def test_its_look_alikes_are_not(text: str) -> None:
    assert not is_opt_in(text)


@given(st.text(max_size=2_000))
def test_any_text_has_an_answer_and_never_both(text: str) -> None:
    assert not (is_opt_out(text) and is_opt_in(text))


Hear = Callable[..., None]


@pytest.fixture
def hear(store: Store, policy: Policy) -> Hear:
    def hear_(*batch: Incoming) -> None:
        take_in(store, batch)
        Pipeline(store, WordJudge(), policy).run_until_idle()

    return hear_


def opted_out_at(store: Store) -> datetime | None:
    with store.read() as session:
        return session.scalars(select(Identity.opted_out_at)).one()


def dm(key: str, text: str, minutes_ago: float, kind: MessageKind = MessageKind.DM) -> Incoming:
    return incoming(key, text, kind=kind, minutes_ago=minutes_ago)


def test_the_word_is_heeded_with_a_fact_and_a_line_of_the_trail(store: Store, hear: Hear) -> None:
    hear(dm("1", "لغو", 9))
    assert opted_out_at(store) == START - timedelta(minutes=9)
    with store.read() as session:
        fact = session.scalars(select(Fact).where(Fact.kind == FactKind.OPTED_OUT)).one()
        assert fact.happened_at == START - timedelta(minutes=9)
        line = session.scalars(select(Audit)).one()
        assert (line.action, line.user_id) == ("identity_opted_out", None)
        assert line.case_id == session.scalars(select(Case.id)).one()
    hear(dm("2", "START", 5))
    assert opted_out_at(store) is None
    with store.read() as session:
        assert session.scalars(select(Fact.kind).order_by(Fact.id.desc()).limit(1)).one() is (
            FactKind.OPTED_IN
        )


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_last_word_holds_in_whatever_order_it_arrives(
    store: Store, hear: Hear, order: tuple[int, ...]
) -> None:
    said = [dm("1", "stop", 9), dm("2", "start", 7), dm("3", "لغو", 5)]
    for place in order:
        hear(said[place])
    assert opted_out_at(store) == START - timedelta(minutes=5)


def test_what_is_said_about_the_shop_is_not_said_to_it(store: Store, hear: Hear) -> None:
    hear(dm("1", "stop", 9, MessageKind.POST))
    assert opted_out_at(store) is None


# What it means for answers. ------------------------------------------------------------------


def answer(store: Store, clock: SetClock, message: str, **more: bool) -> object:
    """What the gate says of a private answer to this message."""
    with store.write() as session:
        told = session.scalars(select(Message).where(Message.native_key == message)).one()
        case = session.get_one(Case, told.case_id)
        row = OutboxRow(
            principal="user:1",
            key=f"to {message} {more}",
            body_hash="",
            deed=Deed.DM,
            account_id=case.account_id,
            case_id=case.id,
            message_id=told.id,
            identity_id=told.identity_id,
            to_native_id="1",
            text="hi",
            state=OutboxState.QUEUED,
            created_at=clock.now(),
            not_before=clock.now(),
            **more,
        )
        session.add(row)
        session.flush()
        row.body_hash = body_hash(row)
        facts = gather(session, row, {Platform.X: XWays()}, clock.now(), None)
        return gate(facts)


REFUSED = Refused(Reason.OPTED_OUT, WayOut.WAIT_FOR_CUSTOMER)


def test_who_opted_out_is_not_written_to(store: Store, clock: SetClock, hear: Hear) -> None:
    connect_shop(store)
    hear(dm("1", "where is my order?", 9), dm("2", "stop", 5))
    assert answer(store, clock, "1") == REFUSED
    assert answer(store, clock, "2") == REFUSED, "not even to confirm"
    assert answer(store, clock, "1", automatic=True) == REFUSED


def test_who_writes_again_may_be_answered_by_a_person_and_by_nothing_else(
    store: Store, clock: SetClock, hear: Hear
) -> None:
    connect_shop(store)
    hear(dm("1", "stop", 9))
    hear(dm("2", "my parcel is broken", 5))
    assert opted_out_at(store) is not None, "writing again is not opting in"
    assert answer(store, clock, "2") == ALLOWED
    assert answer(store, clock, "2", automatic=True) == REFUSED
