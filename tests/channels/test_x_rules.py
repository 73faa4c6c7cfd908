"""X's rules as data: who may be answered, lengths, paces, prices."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shenava.channels import Outgoing, Reads
from shenava.channels.rules import Allowed, Facts, NotAllowed, Per, Reason, WayOut
from shenava.channels.x import length_of, links_in, rules
from shenava.channels.x.links import key_of
from shenava.messages import Deed, Source

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("facts", "reason", "way_out"),
    [
        ({"deed": Deed.ANSWER, "summoned": True}, None, None),
        ({"deed": Deed.ANSWER, "summoned": True, "automatic": True}, None, None),
        (
            {"deed": Deed.ANSWER, "summoned": False},
            Reason.NOT_SUMMONED,
            WayOut.OPEN_ON_PLATFORM,
        ),
        ({"deed": Deed.ANSWER}, Reason.SUMMONS_UNKNOWN, WayOut.OPEN_ON_PLATFORM),
        ({"deed": Deed.ANSWER, "own_message": True}, None, None),
        ({"deed": Deed.ANSWER, "summoned": False, "unrestricted": True}, None, None),
        (
            {"deed": Deed.ANSWER, "summoned": False, "unrestricted": True, "automatic": True},
            Reason.NO_CONSENT,
            WayOut.OPEN_ON_PLATFORM,
        ),
        (
            {"deed": Deed.ANSWER, "summoned": True, "opted_out": True},
            Reason.OPTED_OUT,
            WayOut.WAIT_FOR_CUSTOMER,
        ),
        ({"deed": Deed.POST, "opted_out": True}, None, None),
        ({"deed": Deed.DM, "wrote_privately": True}, None, None),
        ({"deed": Deed.DM, "asked_privately": True}, None, None),
        (
            {"deed": Deed.DM, "asked_privately": True, "automatic": True},
            Reason.NO_CONSENT,
            WayOut.WAIT_FOR_CUSTOMER,
        ),
        ({"deed": Deed.DM, "summoned": True}, Reason.NO_CONSENT, WayOut.ANSWER_PUBLICLY),
        ({"deed": Deed.DM}, Reason.NO_CONSENT, WayOut.WAIT_FOR_CUSTOMER),
        ({"deed": Deed.DM, "wrote_privately": True, "opted_out": True}, Reason.OPTED_OUT, None),
        ({"deed": Deed.HIDE, "under_own_post": True}, None, None),
        ({"deed": Deed.HIDE}, Reason.NOT_OWN_POST, WayOut.OPEN_ON_PLATFORM),
    ],
)
def test_who_may_be_answered(facts: Any, reason: Reason | None, way_out: WayOut | None) -> None:
    ruling = rules.may_answer(Facts(**facts))
    if reason is None:
        assert isinstance(ruling, Allowed)
    else:
        assert isinstance(ruling, NotAllowed)
        assert ruling.reason is reason
        assert way_out is None or ruling.way_out is way_out
    assert ruling.rule in rules.RULES


def test_every_rule_says_where_and_when_it_was_read() -> None:
    told: list[Any] = [*rules.RULES, *rules.PRICES.values(), *rules.REACH.values()]
    told += [limit for limits in rules.ENDPOINTS.values() for limit in limits]
    for each in told:
        assert each.basis.source.startswith("https://docs.x.com/")
        assert date(2026, 1, 1) < each.basis.read_on < date(2026, 12, 31)
    assert len({rule.code for rule in rules.RULES}) == len(rules.RULES)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("hello", 5),
        ("سلام", 4),
        ("گچپژ ۱۲۳ ٪", 10),
        ("می\u200cشود", 6),  # ZWNJ is one
        ("\u200fسلام", 6),  # RLM is two
        ("مَرحَبًا", 8),
        ("cafe\u0301", 4),
        ("ﷺ", 2),
        ("…", 2),
        ("“آره” – نه", 10),
        ("日本", 4),
        ("😀", 2),
        ("👨\u200d👩\u200d👧\u200d👦", 2),
        ("👍🏽👍🏽", 4),
        ("❤️", 2),
        ("🇮🇷🇸🇦", 4),
        ("1️⃣", 2),
        ("©", 1),
        ("©️", 2),
        ("https://shop.example/a/very/long/path?with=a&query=2#and-more", 23),
        ("http://a.co", 23),
        ("shop.ir", 23),
        ("سلام shop.ir/سفارش", 5 + 23 + 5),
        ("(https://a.co/b)", 25),
        ("https://en.wikipedia.org/wiki/Iran_(word)", 23),
        ("https://shop.ir/a.", 24),
        ("https://shop.ir/aسلام", 27),
        ("a.com,b.com", 47),
        ("mail@shop.ir", 12),
        ("@shop.ir", 8),
        ("3.14 v1.2 e.g. etc", 18),
    ],
)
def test_lengths_are_counted_as_x_counts(text: str, length: int) -> None:
    assert length_of(text) == (length, 280)


def test_limits_depend_on_the_deed_and_never_assume_premium() -> None:
    assert length_of("سلام", Deed.DM) == (4, 10_000)
    assert length_of("https://shop.ir/abc", Deed.DM).used == 19
    assert length_of("x" * 281).left == -1
    assert not length_of("x" * 281).fits
    assert length_of("x" * 281, long_posts=True).fits
    assert length_of("ک" * 280).fits


@given(st.text(max_size=60))
def test_a_length_is_the_same_however_letters_are_composed(text: str) -> None:
    assert length_of(text) == length_of(unicodedata.normalize("NFD", text))


@given(st.text(alphabet="abc ./:@شhtps🙂\u200c", max_size=60))
def test_links_are_found_in_order_and_apart(text: str) -> None:
    at = 0
    for start, end in links_in(text):
        assert at <= start < end <= len(text)
        at = end


@pytest.mark.parametrize(
    ("outgoing", "summoned", "micros"),
    [
        (Outgoing(Deed.POST, "حراج"), False, 15_000),
        (Outgoing(Deed.POST, "حراج shop.ir"), False, 200_000),
        (Outgoing(Deed.ANSWER, "سلام", to_key="7"), True, 10_000),
        (Outgoing(Deed.ANSWER, "سلام", to_key="7"), False, 15_000),
        (Outgoing(Deed.ANSWER, "https://shop.ir/a", to_key="7"), True, 200_000),
        (Outgoing(Deed.DM, "https://shop.ir/a", to_native_id="7"), True, 15_000),
        (Outgoing(Deed.HIDE, to_key="7"), False, 5_000),
        (Outgoing(Deed.POST, "حراج", picture=PNG), False, 15_000),
        (Outgoing(Deed.POST, "حراج", picture=PNG, picture_alt="پوستر"), False, 20_000),
    ],
)
def test_what_sending_costs(outgoing: Outgoing, summoned: bool, micros: int) -> None:
    assert rules.price_of(outgoing, summoned) == micros


def test_what_reading_costs() -> None:
    reads = Reads({"owned_post": 3, "post": 2, "dm_event": 1, "user": 1})
    assert rules.read_price(reads) == 33_000
    with pytest.raises(KeyError):
        rules.read_price(Reads({"something new": 1}))


def test_what_a_back_fill_costs_at_most() -> None:
    assert rules.backfill_price(Source.MENTION) == 800_000
    assert rules.backfill_price(Source.MENTION, owns_app=False) == 4_000_000
    assert rules.backfill_price(Source.OWN) == 3_200_000
    assert rules.backfill_price(Source.SEARCH) is None
    assert rules.page_price(Source.INBOX) == 1_000_000


def test_paces() -> None:
    private = {(at.per, at.count, at.window) for at in rules.limits_of(Deed.DM)}
    assert private == {
        (Per.USER, 15, timedelta(minutes=15)),
        (Per.USER, 1_440, timedelta(hours=24)),
        (Per.APP, 1_440, timedelta(hours=24)),
    }
    assert {at.count for at in rules.limits_of(Source.INBOX)} == {15}
    assert rules.limits_of(Deed.ANSWER) == rules.limits_of(Deed.POST)
    with pytest.raises(KeyError):
        rules.limits_of(Source.IMPORT)


@pytest.mark.parametrize(
    ("link", "key"),
    [
        ("https://x.com/shop/status/123", "123"),
        ("https://twitter.com/shop/status/123?s=20", "123"),
        ("https://mobile.x.com/shop/status/123/photo/1", "123"),
        ("https://evil.example/x.com/shop/status/123", None),
        ("https://x.com/shop", None),
    ],
)
def test_the_id_of_a_post_is_read_from_its_address(link: str, key: str | None) -> None:
    assert key_of(link) == key
