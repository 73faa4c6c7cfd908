"""What a text names in signs of its own is found, and found fast, whatever anybody writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shenava.names_in_text import names, without_names


def found(text: str) -> list[str]:
    return [text[name.start : name.stop] for name in names(text)]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("سلام @noora_shop، سفارشم نرسید", ["@noora_shop"]),
        ("@noora.shop. سلام", ["@noora.shop"]),
        ("از@noora_shop خریدم", ["@noora_shop"]),
        ("#حراج_پاییزه و #sale!", ["#حراج_پاییزه", "#sale"]),
        ("#می‌شود", ["#می‌شود"]),
        ("https://noora.shop/a?b=1. بعد", ["https://noora.shop/a?b=1"]),
        ("(https://noora.shop/a_(b))، بعد", ["https://noora.shop/a_(b)"]),
        ("«www.noora.shop/» را ببینید", ["www.noora.shop/"]),
        ("به help@noora.shop بنویسید.", ["help@noora.shop"]),
        ("زنگ بزنید: +98 912 123 4567 یا +۹۸۲۱۱۲۳۴۵۶۷۸", ["+98 912 123 4567", "+۹۸۲۱۱۲۳۴۵۶۷۸"]),
        ("زبان C++ و C# و .NET", ["C++", "C#", ".NET"]),
        ("دستور /start و --help", ["/start", "--help"]),
        ("سلام iPhone 15 Pro رسید؟", []),
        ("قیمت 5+5 و 12/5 و a@b", []),
        ("سلام، خوبی؟ (نه)", []),
        ("&#39; &#x27;", []),
        ("# @ + https:// www. ", []),
    ],
)
def test_names_are_found_where_they_begin_and_end(text: str, named: list[str]) -> None:
    assert found(text) == named


@given(st.text(alphabet=st.sampled_from("@#+./-_ aZ9سم۱‌ً:)(](&hwtps،\u202e"), max_size=60))
def test_names_are_in_order_and_never_empty(text: str) -> None:
    end = 0
    for name in names(text):
        assert end <= name.start < name.stop <= len(text)
        end = name.stop
    assert len(without_names(text)) <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "a." * 50_000,
        "a-" * 50_000,
        "@" * 100_000,
        "@a" * 50_000,
        "#" + "\u064b" * 100_000,
        "+1" * 50_000,
        "https://a" + ")" * 100_000,
        "www." * 25_000,
        "/" * 100_000,
    ],
)
def test_endless_words_cost_no_more_than_their_length(text: str) -> None:
    # The square of these lengths would take minutes: the test would not end.
    list(names(text))
