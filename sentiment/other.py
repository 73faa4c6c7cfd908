"""Any other model that classifies texts: its labels are mapped; the shipped one gives the rest.

The folder holds a model in Hugging Face form. With ONNX weights (``model.onnx`` or
``onnx/model.onnx``) onnxruntime runs it; else torch does, which is an extra. What the folder
brings as code is never run.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.calibrate import sigmoid, softmax
from sentiment.classifier import (
    MODEL_TYPE,
    Band,
    Classifier,
    explained,
    is_wordless,
    open_session,
    read_config,
    readable,
)
from sentiment.heads import COMPLAINT, INTENTS, NEGATIVE, SENTIMENTS, URGENT
from sentiment.shop import Layer
from shenava.messages import Intent, ScoredIntent, ScoredSentiment, Sentiment, Verdict

Array = NDArray[np.float64]

BATCH = 16
MOST_TOKENS = 512
LONGEST_NAME = 50
"""Of the model: a verdict keeps the names of both, and the shop's version."""

IGNORED = "ignore"
_COMPLAINT, _URGENT = "complaint", "urgent"
_BAND = Band(no=0.4, yes=0.6)
"""Complaint and urgency by another model: nothing is known of how honest its numbers are."""
_INTENT_YES = 0.5

TARGETS = (*Sentiment, _COMPLAINT, _URGENT, *Intent, IGNORED)
"""What a label can mean."""

_USUAL = {"neg": Sentiment.NEGATIVE, "neu": Sentiment.NEUTRAL, "pos": Sentiment.POSITIVE}


class OtherModelError(ValueError):
    """The model cannot be used; ``str()`` says why and what to do."""


class TorchMissing(OtherModelError):
    """It has no ONNX weights, and torch is not installed."""


Answers = Callable[[Sequence[str]], Array]
"""Scores [texts, labels] as the model gives them."""


class OtherModel:
    """Gives verdicts as :class:`Classifier` does: of moods (and whatever else its labels are mapped
    to) by another model, of the rest by the shipped one."""

    def __init__(
        self, name: str, targets: Sequence[str], several: bool, answers: Answers, rest: Classifier
    ) -> None:
        self._name = name[:LONGEST_NAME]
        self._targets = tuple(targets)
        self._several = several
        self._answers = answers
        self.teachable = rest
        """What a shop can teach: the shipped model, in what it says."""

    @property
    def base(self) -> str:
        """The model that layers of the shop belong to."""
        return self.teachable.base

    @property
    def name(self) -> str:
        """The names of both."""
        return f"{self._name}+{self.teachable.name}"

    @classmethod
    def load(
        cls, folder: Path, labels: Mapping[str, str], rest: Classifier, name: str, threads: int = 1
    ) -> OtherModel:
        """Read the model in ``folder``. ``labels`` says what its labels mean (:data:`TARGETS`);
        those called negative, neutral, positive and so on need not be told.

        Raises :class:`OtherModelError` when it is no such model, or a label is not known.
        """
        # Importing transformers takes half a second: only who names another model pays for it.
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # "PyTorch was not found"
        from transformers import AutoConfig, AutoTokenizer

        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        targets = targets_of({int(n): str(label) for n, label in config.id2label.items()}, labels)
        longest = min(MOST_TOKENS, tokenizer.model_max_length)
        longest = min(longest, getattr(config, "max_position_embeddings", None) or longest)
        file = next((f for f in _weights(folder) if f.is_file()), None)
        if file is not None:
            run = _by_onnx(open_session(file, threads))
        elif has_weights(folder):
            run = _by_torch(folder, threads)
        else:
            raise OtherModelError(f"there are no weights in {folder}")
        several = getattr(config, "problem_type", None) == "multi_label_classification"
        return cls(name, targets, several, _answering(tokenizer, longest, run), rest)

    def taught(self, layer: Layer, version: int) -> OtherModel:
        """The same, with what a shop has taught in what comes from the shipped model."""
        rest = self.teachable.taught(layer, version)
        return OtherModel(self._name, self._targets, self._several, self._answers, rest)

    def classify(self, texts: Sequence[str]) -> list[Verdict]:
        """One verdict for each text, in their order."""
        verdicts = self.teachable.classify(texts)
        asked = [i for i, text in enumerate(texts) if not is_wordless(readable(text))]
        # Of like length together: little is padded.
        asked.sort(key=lambda i: len(texts[i]))
        verdicts = [replace(verdict, model=self.name) for verdict in verdicts]
        for start in range(0, len(asked), BATCH):
            part = asked[start : start + BATCH]
            scores = self._answers([readable(texts[i]) for i in part]).astype(np.float64)
            chances = sigmoid(scores) if self._several else softmax(scores)
            for i, chance in zip(part, chances, strict=True):
                verdicts[i] = self._laid_over(verdicts[i], chance)
        return verdicts

    def _laid_over(self, rest: Verdict, chance: Array) -> Verdict:
        found = {
            target: min(1.0, float(chance[[t == target for t in self._targets]].sum()))
            for target in set(self._targets)
        }
        verdict = rest
        moods = [found.get(mood, 0.0) for mood in SENTIMENTS]
        theirs = set()
        if sum(moods) > 0:
            best = int(np.argmax(moods))
            scored = ScoredSentiment(SENTIMENTS[best], round(moods[best] / sum(moods), 4))
            verdict = replace(verdict, sentiment=scored)
            theirs.add(NEGATIVE)
        if _COMPLAINT in found:
            verdict = replace(verdict, complaint=_BAND.judge(found[_COMPLAINT]))
            theirs.add(COMPLAINT)
        if _URGENT in found:
            verdict = replace(verdict, urgent=_BAND.judge(found[_URGENT]))
            theirs.add(URGENT)
        named = [intent for intent in INTENTS if intent in found]
        kept = [one for one in verdict.intents if one.label not in named]
        kept += [ScoredIntent(i, round(found[i], 4)) for i in named if found[i] >= _INTENT_YES]
        intents = tuple(sorted(kept, key=lambda one: -one.probability))
        # Words are known of the shipped model alone: they are given only where they explain the
        # answer that is given.
        before = explained(rest.complaint, rest.urgent, rest.sentiment.label)
        after = explained(verdict.complaint, verdict.urgent, verdict.sentiment.label)
        why = rest.why if after == before and after not in theirs else ()
        return replace(verdict, intents=intents, why=why)


def targets_of(labels: Mapping[int, str], told: Mapping[str, str]) -> list[str]:
    """What each label means, by number. Raises :class:`OtherModelError`."""
    named = set(labels.values())
    for label, target in told.items():
        if label not in named:
            raise OtherModelError(
                f"it has no label {label!r}; its labels are {', '.join(labels.values())}"
            )
        if target not in TARGETS:
            raise OtherModelError(
                f"a label cannot mean {target!r}; it can mean {', '.join(TARGETS)}"
            )
    found: list[str] = []
    unknown: list[str] = []
    for _, label in sorted(labels.items()):
        usual: str = _USUAL.get(label.lower(), label.lower())
        target = told.get(label) or (usual if usual in TARGETS else "")
        if not target:
            unknown.append(label)
        else:
            found.append(str(target))
    if unknown:
        raise OtherModelError(
            f"it is not told what its labels {', '.join(unknown)} mean; write it in the setting "
            f"model_labels, as {unknown[0]}=negative, or {unknown[0]}={IGNORED}"
        )
    if not set(found) - {IGNORED}:
        raise OtherModelError("all its labels are ignored")
    return found


def is_shipped_kind(folder: Path) -> bool:
    """Whether ``folder`` holds a model of the shipped kind."""
    return bool(read_config(folder).get("model_type") == MODEL_TYPE)


def _weights(folder: Path) -> tuple[Path, ...]:
    return folder / "model.onnx", folder / "onnx" / "model.onnx"


def has_weights(folder: Path) -> bool:
    """Whether there is anything in ``folder`` that can be run."""
    kinds = ("*.safetensors", "pytorch_model*.bin")
    return any(f.is_file() for f in _weights(folder)) or any(
        found for kind in kinds for found in folder.glob(kind)
    )


Encoded = Mapping[str, NDArray[np.int64]]


def _answering(tokenizer: Any, longest: int, run: Callable[[Encoded], Array]) -> Answers:
    def answer(texts: Sequence[str]) -> Array:
        return run(
            tokenizer(
                list(texts),
                padding=True,
                truncation=True,
                max_length=longest,
                return_tensors="np",
            )
        )

    return answer


def _by_onnx(session: Any) -> Callable[[Encoded], Array]:
    wanted = {one.name for one in session.get_inputs()}

    def run(encoded: Encoded) -> Array:
        given = {
            name: np.asarray(value, dtype=np.int64)
            for name, value in encoded.items()
            if name in wanted
        }
        return np.asarray(session.run(None, given)[0], dtype=np.float64)

    return run


def _by_torch(folder: Path, threads: int) -> Callable[[Encoded], Array]:
    if importlib.util.find_spec("torch") is None:
        raise TorchMissing(
            "it has no ONNX weights (model.onnx), and to run it without them Shenava needs its "
            "extra torch: pip install 'shenava[torch]'"
        )
    import torch
    from transformers import AutoModelForSequenceClassification

    torch.set_num_threads(threads)
    model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True)
    model.eval()

    def run(encoded: Encoded) -> Array:
        with torch.inference_mode():
            given = {name: torch.from_numpy(np.asarray(value)) for name, value in encoded.items()}
            return np.asarray(model(**given).logits.float().numpy(), dtype=np.float64)

    return run
