"""Promises of what a shop teaches: it helps where it was told, and is left out elsewhere."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from sentiment.classifier import Classifier
from sentiment.heads import NEGATIVE, SENTIMENT, SHARES
from sentiment.lessons import LEAST_HELD, Lesson, fit, material, part_of, scored, teach
from sentiment.shop import LEARNED, Layer, LayerError, Part
from shenava.messages import Sentiment
from shenava.text import normalise

_RNG = random.Random(5)
_FILLER = ("سلام", "لطفا", "سفارش", "من", "امروز", "گفتن", "ممنون", "دوباره", "خرید", "hello")


def _text(word: str, number: int) -> str:
    words = [*_RNG.sample(_FILLER, 4), word, str(number)]
    return " ".join(words)


# A word of this shop alone: the model cannot know that it is a complaint here.
COMPLAINTS = [_text("زرگولیدم", n) for n in range(90)]
OTHERS = [_text("چطورید", n) for n in range(90)]
# Nothing else in it complains.
NEW = "دیشب توی خانه زرگولیدم"
LESSONS = [
    *(Lesson(text, Sentiment.NEGATIVE, complaint=True) for text in COMPLAINTS),
    *(Lesson(text, Sentiment.NEUTRAL, complaint=False) for text in OTHERS),
]


@pytest.fixture(scope="module")
def taught_layer(classifier: Classifier) -> Layer:
    return teach(classifier, LESSONS).layer


def test_a_word_that_the_shop_explained_is_understood_in_new_messages(
    classifier: Classifier, taught_layer: Layer
) -> None:
    new = NEW
    before = classifier.classify([new])[0]
    after = classifier.taught(taught_layer, 3).classify([new])[0]
    assert before.complaint.value is not True
    assert after.complaint.value is True
    assert after.sentiment.label is Sentiment.NEGATIVE
    assert after.model == f"{before.model}+shop3"


def test_the_words_that_decided_count_what_was_learned(
    classifier: Classifier, taught_layer: Layer
) -> None:
    learned = classifier.taught(taught_layer, 1)
    assert learned.classify([NEW])[0].why[0] == "زرگولیدم"


def test_the_shares_of_words_add_up_to_the_answer(
    classifier: Classifier, taught_layer: Layer
) -> None:
    texts = ["باز هم زرگولیدم", "hello سلام چطورید", "پولم کو؟ زرگولیدم امروز"]
    ids = classifier.token_ids(texts)
    logits = classifier.scores(texts)[:, :LEARNED]
    added = taught_layer.apply(ids, classifier.begins, logits)
    lengths = np.cumsum([len(one) for one in ids])[:-1]
    for share, head in enumerate(SHARES):
        each = [part.sum() for part in np.split((added.own + added.pairs)[:, share], lengths)]
        line = logits[:, head] * taught_layer.slope[head] + taught_layer.offset[head]
        assert np.allclose(line + each, added.logits[:, head], atol=1e-4)


def test_checking_and_using_give_the_same_numbers(
    classifier: Classifier, taught_layer: Layer
) -> None:
    lessons = LESSONS[::7]
    read = material(classifier, lessons)
    ordered = sorted(lessons, key=lambda one: (normalise(one.text), one.text))
    used = classifier.taught(taught_layer, 1).scores([one.text for one in ordered])
    assert np.allclose(scored(taught_layer, read), used[:, :LEARNED], atol=1e-4)


def test_the_same_lessons_in_any_order_give_the_same_bytes(
    classifier: Classifier, taught_layer: Layer
) -> None:
    shuffled = LESSONS[:]
    random.Random(9).shuffle(shuffled)
    again = teach(classifier, shuffled).layer.to_bytes()
    assert again == taught_layer.to_bytes()
    assert Layer.from_bytes(again).to_bytes() == again


def test_bytes_of_something_else_are_refused(taught_layer: Layer) -> None:
    kept = taught_layer.to_bytes()
    for wrong in (b"", b"nonsense", kept[:-5], kept[4:]):
        with pytest.raises(LayerError):
            Layer.from_bytes(wrong)


def test_a_layer_of_another_model_is_refused(classifier: Classifier, taught_layer: Layer) -> None:
    with pytest.raises(ValueError, match="belongs to the model other"):
        classifier.taught(replace(taught_layer, base="other"), 1)


def test_what_was_held_back_was_not_learned_from(classifier: Classifier) -> None:
    found = teach(classifier, LESSONS)
    held = [one for one in LESSONS if part_of(one.text) == 0]
    assert len(held) >= LEAST_HELD
    assert found.check["complaint"]["rows"] == len(held)
    rest = [one for one in LESSONS if part_of(one.text) != 0]
    alone = fit(material(classifier, rest), classifier.base, classifier.rows)
    assert found.layer.to_bytes() == alone.only(found.parts).to_bytes()


def test_nonsense_is_not_used(classifier: Classifier) -> None:
    """Labels by lot teach nothing that holds for what was held back."""
    texts = COMPLAINTS + OTHERS
    said = [v.complaint.value is not False for v in classifier.classify(texts)]
    lot = random.Random(3)
    lessons = [Lesson(t, complaint=s) for t, s in zip(texts, said, strict=True)]
    wrong = [replace(one, complaint=lot.random() < 0.5) for one in lessons if part_of(one.text)]
    right = [one for one in lessons if not part_of(one.text)]
    found = teach(classifier, wrong + right)
    assert found.check["complaint"]["on"] is False
    assert found.parts == ()
    after = classifier.taught(found.layer, 1)
    for before, now in zip(classifier.classify(texts), after.classify(texts), strict=True):
        assert replace(now, model="") == replace(before, model="")


def test_a_part_that_failed_leaves_the_others(classifier: Classifier) -> None:
    found = teach(classifier, LESSONS)
    only = found.layer.only([Part.COMPLAINT])
    text = ["باز هم زرگولیدم از دست شما"]
    plain, with_one = classifier.scores(text)[0], classifier.taught(only, 1).scores(text)[0]
    assert np.array_equal(plain[SENTIMENT], with_one[SENTIMENT])
    assert plain[NEGATIVE] == with_one[NEGATIVE]
    assert not np.array_equal(plain, with_one)


def test_a_few_words_of_people_change_nothing(classifier: Classifier) -> None:
    found = teach(classifier, LESSONS[:5])
    assert found.parts == ()
    assert found.check["complaint"] == {"rows": 0, "said": 5, "on": False, "enough": False}
    assert teach(classifier, []).parts == ()


def test_corrections_alone_do_not_turn_answers_round(classifier: Classifier) -> None:
    """They are the mistakes alone. Beside what people let stand, right answers stay right."""
    right = ["very good, thank you", "عالی بود مرسی", "پولم کم شد سفارشم ثبت نشد", "it is broken"]
    texts = [f"{text} {number}" for text in right for number in range(40)]
    said = classifier.classify(texts)
    stood = [
        Lesson(t, v.sentiment.label, v.complaint.value, said=False)
        for t, v in zip(texts, said, strict=True)
    ]
    layer = teach(classifier, LESSONS + stood).layer
    now = classifier.taught(layer, 1).classify([f"{text} 99" for text in right])
    before = classifier.classify([f"{text} 99" for text in right])
    assert [v.sentiment.label for v in now] == [v.sentiment.label for v in before]
