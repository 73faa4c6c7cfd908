"""The shipped model is what its recipe, its card and its figures say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from tokenizers import Tokenizer

from sentiment.calibrate import expected_error, fit_classes, fit_line, sigmoid, softmax
from sentiment.card import BEGIN, END, figures_of, with_figures
from sentiment.classifier import MODEL_FOLDER, MODEL_TYPE, Classifier
from sentiment.corpus import fold_of, is_held_out, read_languages, read_rows
from sentiment.data import from_corpus
from sentiment.evaluate import own_figures
from sentiment.features import extract
from sentiment.graph import Weights, build_graph
from sentiment.heads import HEADS
from sentiment.tokens import MAX_CHARACTERS, begins_word, model_text, word_spans
from shenava.messages import Intent

CARD = Path(__file__).parents[2] / "docs" / "model-card.md"


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((MODEL_FOLDER / "metrics.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def measured(classifier: Classifier) -> dict[str, Any]:
    """The held-out fifth, measured now."""
    return own_figures(classifier, from_corpus(row for row in read_rows() if is_held_out(row.text)))


def test_the_figures_are_those_of_the_shipped_model(
    metrics: dict[str, Any], measured: dict[str, Any]
) -> None:
    """Fails when the corpus, the model or the code around it changed without measuring anew."""
    assert set(measured) == set(metrics["held_out"])
    for group, found in measured.items():
        stated = metrics["held_out"][group]
        for head in ("complaint", "urgent"):
            for figure in ("f1", "recall", "precision"):
                assert found[head][figure] == pytest.approx(stated[head][figure], abs=0.2)
        assert found["language_accuracy"] == pytest.approx(stated["language_accuracy"], abs=0.2)


def test_the_model_is_no_worse_than_when_these_floors_were_set(measured: dict[str, Any]) -> None:
    """A few points below what was measured, in percent. Raise them with a better model."""
    found = measured["all"]
    assert found["complaint"]["f1"] >= FLOORS["complaint f1"]
    assert found["urgent"]["recall"] >= FLOORS["urgent recall"]
    assert found["urgent"]["precision"] >= FLOORS["urgent precision"]
    assert found["intents"]["micro_f1"] >= FLOORS["intents micro f1"]
    assert found["sentiment"]["macro_f1"] >= FLOORS["sentiment macro f1"]
    assert found["language_accuracy"] >= FLOORS["language"]


FLOORS = {
    "complaint f1": 79.0,
    "urgent recall": 88.0,
    "urgent precision": 68.0,
    "intents micro f1": 64.0,
    "sentiment macro f1": 70.0,
    "language": 96.0,
}


def test_the_card_states_the_figures(metrics: dict[str, Any]) -> None:
    card = CARD.read_text(encoding="utf-8")
    assert card.split(BEGIN)[1].split(END)[0].strip() == figures_of(metrics)
    assert with_figures(card, metrics) == card


def test_the_card_names_every_source(metrics: dict[str, Any]) -> None:
    card = CARD.read_text(encoding="utf-8")
    assert [s for s in metrics["rows"]["sources"] if s not in card] == []


def test_the_graph_follows_the_recipe(tmp_path: Path) -> None:
    """ONNX operators and numpy find the same rows of the table in the same texts."""
    file = MODEL_FOLDER / "model.onnx"
    for one in MODEL_FOLDER.iterdir():
        if one.is_file():
            shutil.copy(one, tmp_path)  # the bag alone
    constants = [numpy_helper.to_array(c) for c in onnx.load(str(file)).graph.initializer]
    (table,) = [c for c in constants if c.dtype == np.int8]
    rows = len(table) - 1
    tokenizer = Tokenizer.from_file(str(MODEL_FOLDER / "tokenizer.json"))
    begins = np.array(begins_word(tokenizer))
    texts = [row.text for row in read_rows()][:300]
    ids = [e.ids for e in tokenizer.encode_batch([model_text(t) for t in texts])]
    found = extract(ids, begins, rows)
    total = np.zeros((len(texts), table.shape[1]))
    np.add.at(total, found.text, table[found.bucket].astype(float))
    count = np.bincount(found.text, minlength=len(texts))
    expected = total / np.sqrt(np.maximum(count, 1))[:, None]

    # The shipped head multiplies each column by one number and adds another: undo both by
    # comparing what is left after the best line through the points.
    scores = Classifier.load(tmp_path).scores(texts)
    for head in range(HEADS):
        slope, offset = np.polyfit(expected[:, head], scores[:, head], 1)
        assert scores[:, head] == pytest.approx(slope * expected[:, head] + offset, abs=2e-3)


def test_transformers_reads_the_folder() -> None:
    """It is in Hugging Face form, though the service reads the files itself."""
    from transformers import AutoConfig, AutoTokenizer, PretrainedConfig

    kind = type("BagConfig", (PretrainedConfig,), {"model_type": MODEL_TYPE})
    AutoConfig.register(MODEL_TYPE, kind, exist_ok=True)
    config = AutoConfig.from_pretrained(MODEL_FOLDER, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(MODEL_FOLDER, local_files_only=True)
    classifier = Classifier.load()
    assert config.model_name == classifier.name
    text = "پول کم شد vali sabt نشد"
    assert tokenizer(model_text(text))["input_ids"] == classifier.token_ids([text])[0]


def test_shares_of_the_words_add_up_to_the_logit() -> None:
    import onnxruntime

    random = np.random.default_rng(1)
    weights = Weights(
        table=random.integers(-127, 128, (512, 6)).astype(np.int8),
        scale=np.full(6, 0.01, dtype=np.float32),
        heads=random.normal(size=(4, 6)).astype(np.float32),
        bias=np.zeros(4, dtype=np.float32),
        power=0.5,
        shares=(1, 3),
    )
    begins = np.array([True, True, True, False, True, False])
    model = build_graph(weights, begins)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    ids = np.array([[2, 3, 5, 4, 3, 2, 1], [4, 5, 0, 0, 0, 0, 0]])
    logits, own, pairs = session.run(None, {"input_ids": ids})
    assert (own + pairs).sum(axis=1) == pytest.approx(logits[:, [1, 3]], abs=1e-5)


def test_words_can_be_traced_back_to_the_original() -> None:
    text = "  سـلام\u200cعليكم، \u064b خیلیییییی\tبد  بود!!! "
    joined = model_text(text)
    aligned = word_spans(text, joined)
    assert aligned is not None
    spans, words = aligned
    assert words == ["سـلام\u200cعليكم،", "خیلیییییی", "بد", "بود!!!"]
    assert [joined[a:b] for a, b in spans] == [model_text(w) for w in words]
    assert word_spans("", "") == ([], [])
    assert len(model_text("x y " * 5_000)) <= MAX_CHARACTERS


def test_the_corpus_follows_its_guide() -> None:
    rows = list(read_rows())
    assert len(rows) >= 14_000
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert row.intents, row.id
        assert row.text.strip(), row.id
    assert {i for row in rows for i in row.intents} == set(Intent)
    assert len(read_languages()) > 200


def test_held_out_is_a_fifth_that_spelling_does_not_move() -> None:
    texts = [row.text for row in read_rows()]
    assert 0.17 < sum(map(is_held_out, texts)) / len(texts) < 0.23
    assert all(is_held_out(t) == is_held_out(f" {t.replace('ی', 'ي')} ") for t in texts)
    assert {fold_of(t, 5) for t in texts} == set(range(5))


def test_calibration_recovers_a_known_line() -> None:
    random = np.random.default_rng(3)
    logits = random.normal(size=(20_000, 2)) * 2
    truth = random.random(20_000) < sigmoid(0.5 * logits[:, 0] + 0.2 * logits[:, 1] - 1.0)
    slopes, offset = fit_line(logits, truth)
    assert (*slopes, offset) == pytest.approx((0.5, 0.2, -1.0), abs=0.05)
    assert expected_error(sigmoid(logits @ slopes + offset), truth) < 0.01


def test_calibration_finds_how_much_each_reader_of_several_classes_counts() -> None:
    random = np.random.default_rng(4)
    logits = random.normal(size=(20_000, 2, 3)) * 2
    chance = softmax(0.6 * logits[:, 0] + 0.3 * logits[:, 1] + np.array([0.5, 0.0, -0.5]))
    truth = (random.random((20_000, 1)) > chance.cumsum(axis=1)).sum(axis=1)
    slopes, offset = fit_classes(logits, truth, np.ones(20_000))
    assert slopes == pytest.approx([0.6, 0.3], abs=0.05)
    assert offset == pytest.approx([0.5, 0.0, -0.5], abs=0.05)
