"""What the model promises of any text."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from sentiment.classifier import MODEL_FOLDER, Band, Classifier, explained
from sentiment.corpus import is_held_out, read_rows
from sentiment.heads import COMPLAINT
from sentiment.tokens import MAX_CHARACTERS
from shenava.messages import Intent, Language, Script, Sentiment, Verdict

AWKWARD = {
    "empty": "",
    "blank": " \n\t\u200c\u00a0 ",
    "very long": "سلام " * 20_000,
    "one long word": "a" * 100_000,
    "expands when normalised": "\ufdfa" * 2_000,
    "only emoji": "😡😡😡👍🏽👨‍👩‍👧",
    "only punctuation": "?!... ،؛ —",
    "lone surrogates": "\ud800 پول \udfff",
    "null bytes": "\x00money\x00",
    "bidirectional controls": "\u202eabc\u202d \u2066سلام\u2069",
    "html": "<script>alert('x')</script><b>سلام</b> &amp;",
    "only combining marks": "\u0301\u064b\u0652",
    "private use": "\ue000\U0010ffff",
}


def is_sound(verdict: Verdict) -> bool:
    """All probabilities are such, and no more is said than may be."""
    chances = [
        verdict.sentiment.probability,
        verdict.complaint.probability,
        verdict.urgent.probability,
        *(i.probability for i in verdict.intents),
    ]
    return all(0.0 <= c <= 1.0 for c in chances) and len(verdict.why) <= 5


@pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD.keys())
def test_awkward_text_gets_a_sound_verdict(classifier: Classifier, text: str) -> None:
    (verdict,) = classifier.classify([text])
    assert is_sound(verdict)
    assert verdict.model == classifier.name
    assert all(word in text for word in verdict.why)


@given(st.lists(st.text(st.characters(codec=None)), max_size=4))
@examples(max_examples=150)
def test_any_text_gets_a_sound_verdict(texts: list[str]) -> None:
    verdicts = SHIPPED.classify(texts)
    assert len(verdicts) == len(texts)
    assert all(is_sound(v) for v in verdicts)


SHIPPED = Classifier.load()


@pytest.mark.parametrize("name", ["empty", "blank", "only punctuation", "only combining marks"])
def test_a_text_that_says_nothing_is_neutral_and_no_complaint(
    classifier: Classifier, name: str
) -> None:
    (verdict,) = classifier.classify([AWKWARD[name]])
    assert verdict.sentiment.label is Sentiment.NEUTRAL
    assert verdict.complaint.value is False
    assert verdict.urgent.value is False
    assert verdict.intents == ()
    assert verdict.why == ()
    assert verdict.language is Language.OTHER


def test_a_long_text_is_cut_where_the_documents_say(classifier: Classifier) -> None:
    text = "the parcel is late " * 200
    cut = text[:MAX_CHARACTERS]
    assert classifier.classify([text + "and I love it"]) == classifier.classify([cut])


def test_no_texts_no_verdicts(classifier: Classifier) -> None:
    assert classifier.classify([]) == []


def test_a_verdict_does_not_depend_on_the_texts_beside_it(classifier: Classifier) -> None:
    texts = [row.text for row in read_rows()][:400] + list(AWKWARD.values())
    together = classifier.classify(texts)
    assert together == [classifier.classify([text])[0] for text in texts]
    assert together[::-1] == classifier.classify(texts[::-1])


def test_two_loads_with_other_threads_say_the_same() -> None:
    texts = [row.text for row in read_rows()][:200]
    assert Classifier.load(threads=2).classify(texts) == Classifier.load().classify(texts)


def test_spelling_that_readers_hold_equal_gets_equal_judgement(classifier: Classifier) -> None:
    persian, arabic_keys = classifier.classify(["پول کم شد ولی ثبت نشد", "پول كم شد ولي ثبت نشد"])
    assert persian.complaint == arabic_keys.complaint
    assert persian.urgent == arabic_keys.urgent


def without(text: str, words: tuple[str, ...]) -> str:
    """``text`` without every word that is, but for punctuation, one of ``words``."""
    return " ".join(w for w in text.split() if not any(word in w for word in words))


def test_removing_the_deciding_words_lowers_the_score(classifier: Classifier) -> None:
    """All that are named together, the first by itself, and mostly each of the others."""
    texts = [row.text for row in read_rows() if is_held_out(row.text)]
    told = [
        (text, verdict.why, head)
        for text, verdict in zip(texts, classifier.classify(texts), strict=True)
        if (head := explained(verdict.complaint, verdict.urgent, verdict.sentiment.label))
        is not None
        and verdict.why
    ]
    assert len(told) > 300

    def share_lower(pairs: list[tuple[str, tuple[str, ...], int]]) -> float:
        before = classifier.scores([text for text, _, _ in pairs])
        after = classifier.scores([without(text, words) for text, words, _ in pairs])
        heads, rows = np.array([head for _, _, head in pairs]), np.arange(len(pairs))
        return float((after[rows, heads] < before[rows, heads]).mean())

    assert share_lower(told) >= 0.975
    assert share_lower([(text, words[:1], head) for text, words, head in told]) >= 0.95
    others = [(text, (word,), head) for text, words, head in told for word in words[1:]]
    assert share_lower(others) >= 0.89


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("پول کم شد ولی سفارش ثبت نشد!", Intent.ORDER_NOT_REGISTERED),
        ("My card was charged twice and there is no order", Intent.PAYMENT),
    ],
)
def test_money_taken_and_no_order_is_an_urgent_complaint(
    classifier: Classifier, text: str, intent: Intent
) -> None:
    (verdict,) = classifier.classify([text])
    assert verdict.complaint.value is not False
    assert verdict.urgent.value is True
    assert verdict.sentiment.label is Sentiment.NEGATIVE
    assert intent in {i.label for i in verdict.intents}
    assert verdict.why


def test_thanks_are_no_complaint(classifier: Classifier) -> None:
    texts = ["خیلی عالی بود ممنون", "شكرا جزيلا خدمة ممتازة", "Thank you so much, great service!"]
    for verdict in classifier.classify(texts):
        assert verdict.sentiment.label is Sentiment.POSITIVE
        assert verdict.complaint.value is False
        assert verdict.urgent.value is not True
        assert verdict.script is Script.NATIVE


@pytest.fixture(scope="module")
def of_own_messages(classifier: Classifier) -> dict[str, Verdict]:
    """What it says of every own message, by its text."""
    texts = [row.text for row in read_rows()]
    return dict(zip(texts, classifier.classify(texts), strict=True))


def test_other_is_named_only_where_nothing_else_is(of_own_messages: dict[str, Verdict]) -> None:
    named = {text: {one.label for one in said.intents} for text, said in of_own_messages.items()}
    assert {Intent.OTHER} in named.values()
    assert not [text for text, labels in named.items() if labels > {Intent.OTHER}]


def test_heads_that_contradict_each_other_are_not_sure(
    classifier: Classifier, of_own_messages: dict[str, Verdict]
) -> None:
    """Every complaint is negative, so what reads as praise and as complaint is for a person."""
    verdicts = list(of_own_messages.values())
    surely_pleased = [
        v
        for v in verdicts
        if v.sentiment.label is Sentiment.POSITIVE
        and v.sentiment.probability > v.complaint.probability
        and v.complaint.value is not False
    ]
    least = classifier.thresholds[COMPLAINT]
    assert [v for v in surely_pleased if v.complaint.probability >= least]
    assert not [v for v in surely_pleased if v.complaint.value]


def test_a_band_answers_yes_no_and_not_sure() -> None:
    band = Band(no=0.3, yes=0.6)
    assert band.judge(0.6).value is True
    assert band.judge(0.59).value is None
    assert band.judge(0.59).probability == 0.59
    assert band.judge(0.2).value is False
    assert band.judge(0.2).probability == 0.8


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"model\.onnx"):
        Classifier.load(tmp_path)


def test_the_model_is_small_enough_to_ship() -> None:
    files = [f for f in MODEL_FOLDER.rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) <= 30_000_000


PROBE = """
import json, sys
from sentiment.classifier import Classifier
Classifier.load().classify(["hello", "سلام"])
status = open("/proc/self/status").read()
peak = [line for line in status.splitlines() if line.startswith("VmHWM")][0].split()[1]
print(json.dumps({"modules": sorted(sys.modules), "peak": int(peak) / 1024}))
"""


def test_a_process_with_the_model_is_small_and_has_no_torch() -> None:
    """Peak memory in MB; the promise is 200."""
    out = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    said = json.loads(out.stdout.splitlines()[-1])
    loaded = {name.split(".")[0] for name in said["modules"]}
    assert not loaded & {"torch", "onnx", "tensorflow", "sklearn"}
    assert said["peak"] < 200
