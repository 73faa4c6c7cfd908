"""Own messages are taught in Latin letters as well."""

from __future__ import annotations

import random

import pytest

from sentiment.corpus import CorpusRow
from sentiment.romanise import in_latin, romanised
from shenava.messages import Intent, Language, Script, Sentiment


def spellings(text: str, language: Language) -> set[str]:
    rng = random.Random(1)
    return {romanised(text, language, rng) for _ in range(300)}


def test_persian_and_arabic_come_as_people_type_them() -> None:
    assert "pool" in spellings("پول", Language.FA)
    assert "khoobe" in spellings("خوبه", Language.FA)
    arabic = spellings("حسابي", Language.AR)
    assert {"7sabi", "hsabi", "7asabi"} <= arabic
    assert any(said.startswith("el ") for said in spellings("الطلب", Language.AR))


def test_what_is_no_letter_stays_and_digits_are_latin() -> None:
    for said in spellings("؟؟ ok @shop ۱۲ ٣ 😍", Language.FA):
        assert said == "?? ok @shop 12 3 😍"


def test_no_native_letter_sign_or_joiner_is_left() -> None:
    for language in (Language.FA, Language.AR):
        for said in spellings("می‌خواهَم ژلهٔ مؤلّف، آإأئءىة", language):
            assert said.isascii(), said


def test_a_writer_keeps_to_their_habits() -> None:
    for said in spellings("حح", Language.AR):
        assert set(said) - set("aei") in ({"7"}, {"h"})


def test_labels_stay_and_the_seed_decides() -> None:
    row = CorpusRow(
        "fa-1", "پول کم شد", Language.FA, Script.NATIVE, Sentiment.NEGATIVE, True, True,
        frozenset({Intent.PAYMENT}), "x", "",
    )  # fmt: skip
    typed = in_latin(row, random.Random(5))
    assert typed == in_latin(row, random.Random(5))
    assert (typed.script, typed.group) == (Script.LATIN, "fa-latin")
    assert (typed.complaint, typed.urgent, typed.intents) == (True, True, row.intents)


def test_no_other_language() -> None:
    with pytest.raises(KeyError):
        romanised("hello", Language.EN, random.Random(1))
