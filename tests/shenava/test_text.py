"""Promises of text: readers' spellings become one, and nothing that was received is lost."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shenava.text import clean, direction, index_text, normalise, search_tokens

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=60)


@given(ANY_TEXT)
@example("ﷺ")
@example("ǅ")
@example("İ")
@example("ي\u0654")
@example("\u0627\u0653")
@example("a\u200c\u200c b")
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(ANY_TEXT)
def test_normalised_text_can_be_stored(text: str) -> None:
    normalise(text).encode()
    assert "\x00" not in normalise(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("اينترنت", "اینترنت"),
        ("كتاب", "کتاب"),
        ("موسى", "موسی"),
        ("مسئول", "مسیول"),
        ("أحمد إلى آخر ٱلله", "احمد الی اخر الله"),
        ("مؤمن", "مومن"),
        ("خانۀ مدرسة", "خانه مدرسه"),
        ("ســلام", "سلام"),
        ("مُحَمَّدٌ", "محمد"),
        ("می‌شود", "می شود"),
        ("۱۲۳", "123"),
        ("١٢٣", "123"),
        ("۱٫۵", "1.5"),
        ("کجاست؟", "کجاست?"),
        ("Straße", "STRASSE"),
        ("déjà", "DEJA"),
        ("ﻻ", "لا"),  # a presentation form, pasted from a PDF
        ("a\u200eb\u202ec", "abc"),
        ("x\n\t  y\u00a0z ", "x y z"),
        ("ﬁn", "fin"),
    ],
)
def test_spellings_that_a_reader_holds_equal_become_equal(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), [("شد", "نشد"), ("بار", "باز"), ("1", "2"), ("a", "b")])
def test_words_that_differ_stay_different(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@given(ANY_TEXT)
def test_what_is_cleaned_can_be_stored_and_what_was_received_can_be_had_back(text: str) -> None:
    cleaned, received = clean(text)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert len(cleaned) == len(text)
    assert (received.decode("utf-8", "surrogatepass") if received else cleaned) == text


def test_text_that_can_be_stored_is_left_as_it_is() -> None:
    for text in ("", "می‌شود 🌹\u202e", "e\u0301"):
        assert clean(text) == (text, None)


def test_nul_and_half_signs_are_replaced_and_kept_beside() -> None:
    assert clean("a\x00b\ud83d") == ("a\ufffdb\ufffd", b"a\x00b\xed\xa0\xbd")


def test_words_written_with_zwnj_are_indexed_in_parts_and_joined() -> None:
    assert index_text("کتاب‌خانه‌ها").split() == ["کتاب", "خانه", "ها", "کتابخانهها"]


def test_one_endless_word_holds_nobody_up() -> None:
    """Quadratic work would take hours for it, inside a transaction that all others wait for."""
    assert index_text("ن" * 1_000_000) == "ن" * 100


def test_each_word_is_indexed_once_whichever_text_it_stands_in() -> None:
    assert index_text("Sara sara", "SARA m", "") == "sara m"


def test_punctuation_emoji_and_underscores_part_words_and_are_none() -> None:
    assert search_tokens("a_b-c 🌹 d'e @f #g") == ["a", "b", "c", "d", "e", "f", "g"]
    assert search_tokens("🌹 !؟") == []


@given(ANY_TEXT)
def test_whatever_is_searched_for_by_its_own_words_is_indexed(text: str) -> None:
    assert set(search_tokens(text)) <= set(index_text(text).split())


@given(st.lists(st.sampled_from(["a" * 150, "b", "c"]), min_size=1))
def test_a_word_too_long_for_a_database_is_cut_alike_for_index_and_query(words: list[str]) -> None:
    text = " ".join(words)
    assert all(len(word) <= 100 for word in index_text(text).split())
    assert set(search_tokens(text)) == set(index_text(text).split())


def test_of_an_endless_text_whole_words_are_indexed_up_to_a_limit() -> None:
    words = [f"word{n}" for n in range(100_000)]
    indexed = index_text(" ".join(words))
    assert 249_000 < len(indexed) <= 250_000
    assert indexed.split() == words[: len(indexed.split())]


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("@noora_shop سلام", "rtl"),
        ("@a @b_c ... درگاه قطعه", "rtl"),
        ("https://noora.shop/a سفارش من", "rtl"),
        ("#sale المتجر مغلق", "rtl"),
        ("me@mail.com را ببینید", "rtl"),
        ("#حراج is on", "ltr"),
        ("@noora_shop where is it? سلام", "ltr"),
        ("iPhone سفارش دادم", "ltr"),
        ("۱۲ — سلام", "rtl"),
        ("@noora_shop", "ltr"),
        ("#حراج", "rtl"),
        ("12 😀 !", "auto"),
        ("", "auto"),
    ],
)
def test_a_text_begins_where_its_language_does_not_where_a_handle_would(
    text: str, side: str
) -> None:
    assert direction(text) == side


@given(ANY_TEXT)
def test_any_text_has_a_side(text: str) -> None:
    assert direction(text) in ("rtl", "ltr", "auto")
