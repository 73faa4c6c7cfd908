"""Any other model can stand in: its labels are told, and the shipped one gives what it lacks."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from config import Settings
from sentiment.classifier import MODEL_FOLDER, Classifier
from sentiment.other import OtherModel, OtherModelError, targets_of
from service.errors import Halt
from service.opening import load_classifier
from shenava.messages import Intent, Sentiment

WORDS = ("[PAD]", "[UNK]", "awful", "fine", "lovely", "refund", "سلام")
MakeModel = Callable[..., Path]


def _graph(scores: np.ndarray) -> object:
    """Adds up a row of ``scores`` for each token that is not padding."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Gather", ["scores", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "second"], ["logits"], keepdims=0),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", scores.shape[1]])
    constants = [
        numpy_helper.from_array(scores.astype(np.float32), "scores"),
        numpy_helper.from_array(np.array([2]), "last"),
        numpy_helper.from_array(np.array([1]), "second"),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, [out], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """Writes a tiny model of words into a folder, in Hugging Face form."""

    def make(
        labels: tuple[str, ...] = ("negative", "neutral", "positive"),
        rows: dict[str, list[float]] | None = None,
        *,
        weights: str = "model.onnx",
        several: bool = False,
    ) -> Path:
        import onnx

        folder = tmp_path / "tiny"
        scores = np.zeros((len(WORDS), len(labels)))
        given = rows or {"awful": [4, 0, 0], "fine": [0, 3, 0], "lovely": [0, 0, 4]}
        for word, row in given.items():
            scores[WORDS.index(word)] = row
        (folder / weights).parent.mkdir(parents=True)
        onnx.save(_graph(scores), str(folder / weights))
        words = models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]")
        tokenizer = Tokenizer(words)
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.save(str(folder / "tokenizer.json"))
        files = {
            "tokenizer_config.json": {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "pad_token": "[PAD]",
                "unk_token": "[UNK]",
                "model_max_length": 16,
            },
            "config.json": {
                "model_type": "bert",
                "id2label": {str(n): label for n, label in enumerate(labels)},
                "label2id": {label: n for n, label in enumerate(labels)},
                "max_position_embeddings": 16,
            }
            | ({"problem_type": "multi_label_classification"} if several else {}),
        }
        for name, value in files.items():
            (folder / name).write_text(json.dumps(value), encoding="utf-8")
        return folder

    return make


def test_it_gives_the_mood_and_the_shipped_model_the_rest(
    make_model: MakeModel, classifier: Classifier
) -> None:
    other = OtherModel.load(make_model(), {}, classifier, "tiny")
    texts = ["awful", "lovely", "fine", "پولم کم شد ولی سفارش ثبت نشد lovely"]
    verdicts = other.classify(texts)
    moods = [Sentiment.NEGATIVE, Sentiment.POSITIVE, Sentiment.NEUTRAL, Sentiment.POSITIVE]
    assert [v.sentiment.label for v in verdicts] == moods
    assert verdicts[0].sentiment.probability == pytest.approx(np.e**4 / (np.e**4 + 2), abs=1e-3)
    for mine, shipped in zip(verdicts, classifier.classify(texts), strict=True):
        assert (mine.complaint, mine.urgent, mine.intents, mine.language) == (
            shipped.complaint,
            shipped.urgent,
            shipped.intents,
            shipped.language,
        )
        assert mine.model == f"tiny+{classifier.name}"


def test_any_text_is_safe(make_model: MakeModel, classifier: Classifier) -> None:
    other = OtherModel.load(make_model(), {}, classifier, "tiny")
    texts = ["", " \n", "…!", "\ud800 awful", "awful " * 3_000, "سلام", "\x00"]
    verdicts = other.classify(texts)
    assert [v.sentiment.label for v in verdicts[:3]] == [Sentiment.NEUTRAL] * 3
    assert verdicts[4].sentiment.label is Sentiment.NEGATIVE
    assert other.classify([]) == []


def test_labels_that_say_nothing_must_be_told(
    make_model: MakeModel, classifier: Classifier
) -> None:
    folder = make_model(("LABEL_0", "LABEL_1", "LABEL_2"))
    with pytest.raises(OtherModelError, match="LABEL_0=negative"):
        OtherModel.load(folder, {}, classifier, "tiny")
    with pytest.raises(OtherModelError, match="no label 'LABEL_9'"):
        OtherModel.load(folder, {"LABEL_9": "negative"}, classifier, "tiny")
    with pytest.raises(OtherModelError, match="cannot mean 'angry'"):
        OtherModel.load(folder, {"LABEL_0": "angry"}, classifier, "tiny")
    told = {"LABEL_0": "positive", "LABEL_1": "ignore", "LABEL_2": "negative"}
    other = OtherModel.load(folder, told, classifier, "tiny")
    assert other.classify(["awful"])[0].sentiment.label is Sentiment.POSITIVE


def test_stars_can_be_moods(make_model: MakeModel, classifier: Classifier) -> None:
    stars = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
    folder = make_model(stars, {"awful": [2, 2, 2.5, 0, 0]})
    mean = ("negative", "negative", "neutral", "positive", "positive")
    other = OtherModel.load(folder, dict(zip(stars, mean, strict=True)), classifier, "tiny")
    assert other.classify(["awful"])[0].sentiment.label is Sentiment.NEGATIVE


def test_complaint_and_intents_can_come_from_it(
    make_model: MakeModel, classifier: Classifier
) -> None:
    folder = make_model(
        ("complaint", "refund", "x"),
        {"awful": [5, -5, 0], "refund": [-5, 5, 0], "fine": [0, 0, 0]},
        several=True,
    )
    other = OtherModel.load(folder, {"x": "ignore"}, classifier, "tiny")
    awful, refund, fine = other.classify(["awful", "refund", "fine"])
    assert awful.complaint.value is True
    assert refund.complaint.value is False
    assert fine.complaint.value is None
    assert Intent.REFUND in {one.label for one in refund.intents}
    assert Intent.REFUND not in {one.label for one in awful.intents}
    assert awful.sentiment == classifier.classify(["awful"])[0].sentiment


def test_words_that_decided_are_told_only_of_what_they_decided(
    make_model: MakeModel, classifier: Classifier
) -> None:
    text = "پولم کم شد ولی سفارش ثبت نشد فوری جواب بدید"
    shipped = classifier.classify([text])[0]
    assert shipped.why
    mood_only = OtherModel.load(make_model(rows={"fine": [4, 0, 0]}), {}, classifier, "tiny")
    assert mood_only.classify([text])[0].why == shipped.why
    sad = "he was sad and lonely, fine"
    assert classifier.classify([sad])[0].why, "the shipped model finds it negative too"
    by_the_other = mood_only.classify([sad])[0]
    assert by_the_other.complaint.value is by_the_other.urgent.value is False
    assert by_the_other.sentiment.label is Sentiment.NEGATIVE
    assert by_the_other.why == (), "but its words are not the other's"


def test_without_onnx_weights_the_extra_is_named(
    make_model: MakeModel, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model()
    (folder / "model.onnx").rename(folder / "model.safetensors")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    with pytest.raises(OtherModelError, match=r"shenava\[torch\]"):
        OtherModel.load(folder, {}, classifier, "tiny")
    (folder / "model.safetensors").unlink()
    with pytest.raises(OtherModelError, match="no weights"):
        OtherModel.load(folder, {}, classifier, "tiny")


def test_what_a_shop_taught_holds_for_the_rest(
    make_model: MakeModel, classifier: Classifier
) -> None:
    from sentiment.lessons import Lesson, teach

    texts = [(f"زرگولیدم {n}", True) for n in range(60)] + [
        (f"چطورید {n}", False) for n in range(60)
    ]
    layer = teach(classifier, [Lesson(t, complaint=c) for t, c in texts]).layer
    other = OtherModel.load(make_model(), {}, classifier, "tiny").taught(layer, 2)
    verdict = other.classify(["باز زرگولیدم lovely"])[0]
    assert verdict.complaint.value is True
    assert verdict.sentiment.label is Sentiment.POSITIVE
    assert verdict.model == f"tiny+{classifier.base}+shop2"


def test_the_settings_name_it(make_model: MakeModel, tmp_path: Path) -> None:
    folder = make_model(("LABEL_0", "LABEL_1", "LABEL_2"), weights="onnx/model.onnx")
    labels = "LABEL_0=negative, LABEL_1=neutral, LABEL_2=positive"
    loaded = load_classifier(Settings(model=str(folder), model_labels=labels))
    assert loaded.name == f"tiny+{Classifier.load().name}"
    assert loaded.classify(["lovely"])[0].sentiment.label is Sentiment.POSITIVE
    with pytest.raises(Halt, match="SHENAVA_MODEL_LABELS"):
        load_classifier(Settings(model=str(folder)))
    with pytest.raises(Halt, match="there is no folder"):
        load_classifier(Settings(model=str(tmp_path / "nowhere")))
    assert isinstance(load_classifier(Settings(model=str(MODEL_FOLDER))), Classifier)


def test_names_of_moods_need_not_be_told() -> None:
    labels = {0: "NEG", 1: "Neutral", 2: "positive"}
    assert targets_of(labels, {}) == ["negative", "neutral", "positive"]
