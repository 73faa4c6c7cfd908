"""Saved replies: kept in the settings, in the customer's language, never sent half filled."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from support.answering import AnsweringShop, ScriptedX, form_fields, page_of, submit
from support.browser import Browser
from support.shop import connect_shop

from config.settings import UiLanguage
from dashboard.answering.examples import EXAMPLES
from dashboard.answering.places import KNOWN, fill, places
from dashboard.answering.replies import fold_shortcut, variant
from dashboard.context import Desk
from shenava.channels.x import length_of
from shenava.clock import SetClock
from shenava.messages import Language
from shenava.store import SavedReply, User

LATE = {
    "name": "Late",
    "shortcut": "/Late Parcel",
    "text_fa": "{name} عزیز، سفارش {order} فردا می‌رسد. {agent}",
    "text_en": "{name}, order {order} comes tomorrow. {agent} of {shop}",
}


@pytest.fixture
def platform(clock: SetClock) -> ScriptedX:
    return ScriptedX(clock)


@pytest.fixture
def desk(desk: Desk, platform: ScriptedX) -> Desk:
    return replace(desk, rules=platform.rules)


@pytest.fixture
def shop(desk: Desk, platform: ScriptedX, clock: SetClock) -> AnsweringShop:
    return AnsweringShop(desk, platform, clock, connect_shop(desk.store))


def count(desk: Desk) -> int:
    with desk.store.read() as session:
        return session.scalar(select(func.count()).select_from(SavedReply)) or 0


def test_there_are_none_until_somebody_asks_for_examples(
    client: Browser, agent: User, desk: Desk
) -> None:
    assert "0 saved replies" in client.get("/settings/replies").text
    for _ in range(2):
        client.send("/settings/replies/examples")
    assert count(desk) == len(EXAMPLES) == 6
    assert "/late" in client.get("/settings/replies").text


def test_a_reply_is_written_changed_and_deleted(client: Browser, agent: User, desk: Desk) -> None:
    assert client.send("/settings/replies/add", **LATE).status_code == 302
    page = client.get("/settings/replies/1").text
    assert 'value="late-parcel"' in page
    assert LATE["text_fa"] in page
    client.send("/settings/replies/1", **{**LATE, "name": "<b>Later</b>"})
    assert "<b>Later" not in client.get("/settings/replies").text
    assert "&lt;b&gt;Later" in client.get("/settings/replies").text
    client.send("/settings/replies/1/delete")
    assert count(desk) == 0
    assert client.get("/settings/replies/1").status_code == 404


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ({"name": ""}, "Please enter a name."),
        ({"name": "x" * 101}, "At most 100 characters"),
        ({"shortcut": "/"}, "Please enter a shortcut."),
        ({"shortcut": "a/b"}, "Letters, digits and hyphens only"),
        ({"shortcut": "x" * 31}, "At most 30 characters"),
        ({"text_fa": " ", "text_en": "\r\n"}, "Write it in one language at least."),
        ({"text_ar": "x" * 10_001}, "At most 10,000 characters"),
    ],
)
def test_what_cannot_be_kept_is_shown_again(
    client: Browser, agent: User, desk: Desk, spoilt: dict[str, str], told: str
) -> None:
    answer = client.send("/settings/replies/add", **{**LATE, **spoilt})
    assert answer.status_code == 422
    assert told in answer.text
    if "text_en" not in spoilt:
        assert LATE["text_en"] in answer.text
    assert count(desk) == 0


def test_a_shortcut_belongs_to_one(client: Browser, agent: User, desk: Desk) -> None:
    client.send("/settings/replies/add", **LATE)
    answer = client.send("/settings/replies/add", **LATE)
    assert answer.status_code == 422
    assert "Another reply has this shortcut." in answer.text
    assert client.send("/settings/replies/1", **LATE).status_code == 302
    assert count(desk) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("سلام، سفارش من کجاست؟ شکایت دارم", "Neda عزیز، سفارش {order} فردا می‌رسد. Omid"),
        (
            "my order is late, this is a complaint",
            "Neda, order {order} comes tomorrow. Omid of digikala",
        ),
    ],
)
def test_it_comes_in_the_customers_language_and_asks_for_what_is_missing(
    client: Browser, agent: User, shop: AnsweringShop, text: str, expected: str
) -> None:
    client.send("/settings/replies/add", **LATE)
    number = shop.bring("1", text)
    address = f"/inbox/case/{number}/answer"
    page = page_of(client, number)
    inserted = submit(client, page, address, text="Hello.", do="insert", reply="1")
    assert inserted.status_code == 200
    fields = form_fields(inserted.text, address)
    assert fields["text"] == f"Hello.\n{expected}"
    assert "order number" in inserted.text
    # Not filled in, it stays.
    stopped = submit(client, inserted.text, address, when="now")
    assert stopped.status_code == 422
    assert shop.rows() == []
    # What is filled in may open no new place.
    submit(client, stopped.text, address, when="now", place_order="12{name}")
    assert shop.rows() == []
    submit(client, stopped.text, address, when="now", place_order="4328")
    assert shop.rows()[0].text == f"Hello.\n{expected.replace('{order}', '4328')}"


def test_the_page_hands_the_list_its_texts_escaped(
    client: Browser, agent: User, shop: AnsweringShop
) -> None:
    client.send("/settings/replies/add", **{**LATE, "text_en": '"><script>x</script>{name}'})
    page = page_of(client, shop.bring(name='"><img>'))
    assert "<script>x" not in page
    assert "<img>" not in page
    assert re.search(r'data-shortcut="late-parcel"', page)


@pytest.mark.parametrize(
    ("customer", "shop_speaks", "expected"),
    [
        (Language.FA, UiLanguage.EN, "fa"),
        (Language.AR, UiLanguage.EN, "en"),
        (Language.MIXED, UiLanguage.FA, "fa"),
        (None, UiLanguage.AR, "fa"),
    ],
)
def test_without_the_customers_language_the_shops_is_taken(
    customer: Language | None, shop_speaks: UiLanguage, expected: str
) -> None:
    reply = SavedReply(id=1, name="n", shortcut="s", text_fa="fa", text_ar="", text_en="en")
    assert variant(reply, customer, shop_speaks).text == expected


def test_places_are_filled_once_and_others_stay() -> None:
    text = "{name} {order} { x } {} {a b} {سفارش}"
    assert places(text) == ("name", "order", "سفارش")
    assert fill(text, {"name": "{order}", "order": " "}) == "{order} {order} { x } {} {a b} {سفارش}"


def test_a_shortcut_is_folded() -> None:
    assert fold_shortcut("  /Late Parcel ") == "late-parcel"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.shortcut)
def test_examples_say_the_same_in_three_languages_and_fit(example: tuple[str, ...]) -> None:
    fa, ar, en = example[2:]
    assert set(places(fa)) == set(places(ar)) == set(places(en))
    for text in (fa, ar, en):
        filled = fill(text, dict.fromkeys((*KNOWN, *places(text)), "x" * 10))
        assert length_of(filled).fits, length_of(filled)
