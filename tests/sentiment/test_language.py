"""Languages told apart, on texts short enough to be hard."""

from __future__ import annotations

import pytest

from sentiment.classifier import Classifier
from sentiment.language import count_letters
from shenava.messages import Language, Script

# None of these stands in the corpus.
SAMPLES = [
    ("سلام خوبید", Language.FA, Script.NATIVE),
    ("قیمت این چنده", Language.FA, Script.NATIVE),
    ("هنوز به دستم نرسیده", Language.FA, Script.NATIVE),
    ("سفارش من كي ميرسه", Language.FA, Script.NATIVE),
    ("واقعا افتضاحه", Language.FA, Script.NATIVE),
    ("گوشی sony دارید", Language.FA, Script.NATIVE),
    ("وين طلبي يا جماعة", Language.AR, Script.NATIVE),
    ("كم سعر هذا", Language.AR, Script.NATIVE),
    ("لم يصلني الطلب", Language.AR, Script.NATIVE),
    ("عايز ارجع المنتج", Language.AR, Script.NATIVE),
    ("شكرا لكم", Language.AR, Script.NATIVE),
    ("شو هالخدمه", Language.AR, Script.NATIVE),
    ("where is my parcel", Language.EN, Script.NATIVE),
    ("how much is it", Language.EN, Script.NATIVE),
    ("still waiting!!", Language.EN, Script.NATIVE),
    ("pool kam shod vali sefaresh sabt nashod", Language.FA, Script.LATIN),
    ("salam in kafsh mojude?", Language.FA, Script.LATIN),
    ("kheili dir resid vaghean", Language.FA, Script.LATIN),
    ("ma wasalni el talab", Language.AR, Script.LATIN),
    ("3ayz a3raf el order feen", Language.AR, Script.LATIN),
    ("shu hal khedme el 3azime", Language.AR, Script.LATIN),
    ("где мой заказ", Language.OTHER, Script.NATIVE),
    ("注文はどこですか", Language.OTHER, Script.NATIVE),
    ("siparişim hâlâ gelmedi, nerede bu kargo", Language.OTHER, Script.NATIVE),
    ("12345", Language.OTHER, Script.NATIVE),
]


@pytest.mark.parametrize(("text", "language", "script"), SAMPLES, ids=[s[0] for s in SAMPLES])
def test_short_texts_are_in_their_language(
    classifier: Classifier, text: str, language: Language, script: Script
) -> None:
    (verdict,) = classifier.classify([text])
    assert (verdict.language, verdict.script) == (language, script)


def test_two_languages_in_earnest_are_mixed(classifier: Classifier) -> None:
    text = "I paid two days ago ولی هنوز سفارشم ثبت نشده please check"
    assert classifier.classify([text])[0].language is Language.MIXED


def test_addresses_and_names_are_not_counted_as_letters() -> None:
    letters = count_letters("https://example.com/abc @some_shop سلام <b>")
    assert (letters.arabic, letters.latin, letters.other) == (4, 0, 0)
