"""``shenava classify``: the same lines, in order, with verdicts."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

from sentiment.classifier import Classifier
from sentiment.cli import BATCH_LINES, classify_stream
from shenava.messages import Verdict


def run(classifier: Classifier, lines: list[str]) -> tuple[int, list[dict[str, object]]]:
    out = io.StringIO()
    code = classify_stream(lines, out, classifier, progress=False, total=None)
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_order_and_other_fields_are_kept(classifier: Classifier) -> None:
    rows = [{"id": i, "text": f"message {i}", "tags": ["é", i]} for i in range(BATCH_LINES + 10)]
    code, found = run(classifier, [json.dumps(r) + "\n" for r in rows])
    assert code == 0
    assert [{k: v for k, v in f.items() if k != "verdict"} for f in found] == rows


def test_the_verdict_has_the_shape_of_the_interface(classifier: Classifier) -> None:
    _, (row,) = run(classifier, [json.dumps({"text": "پول کم شد ولی سفارش ثبت نشد"})])
    verdict = row["verdict"]
    assert isinstance(verdict, dict)
    assert list(verdict) == [
        "language",
        "script",
        "sentiment",
        "complaint",
        "urgent",
        "intents",
        "why",
        "model",
    ]
    assert set(verdict["sentiment"]) == {"label", "probability"}
    assert set(verdict["complaint"]) == set(verdict["urgent"]) == {"value", "probability"}
    assert verdict["urgent"]["value"] in (True, False, None)
    assert all(set(i) == {"label", "probability"} for i in verdict["intents"])
    assert verdict["language"] == "fa"
    assert verdict["script"] == "native"


def test_a_bad_line_is_named_in_its_place_and_the_rest_go_on(classifier: Classifier) -> None:
    lines = ['{"text": "ok"}', "{broken", '["no object"]', '{"body": 1}', "", '{"text": "last"}']
    code, found = run(classifier, lines)
    assert code == 1
    assert [f.get("line") for f in found] == [None, 2, 3, 4, None]
    assert all("error" in f for f in found[1:4])
    assert found[4]["text"] == "last"
    assert "verdict" in found[4]


def test_deep_nesting_and_lone_surrogates_stop_nothing(classifier: Classifier) -> None:
    code, found = run(classifier, ["[" * 100_000, '{"text": "\\ud800 hi"}'])
    assert code == 1
    assert "error" in found[0]
    assert found[1]["text"] == "\ud800 hi"


def test_lines_are_read_no_further_than_they_are_answered() -> None:
    """Memory stays bounded because at most one batch is held."""
    ahead: list[int] = []
    out = io.StringIO()

    class Counting:
        def classify(self, texts: list[str], /) -> list[Verdict]:
            ahead.append(read[0] - out.getvalue().count("\n"))
            return [verdict] * len(texts)

    read = [0]

    def lines() -> Iterator[str]:
        for i in range(5 * BATCH_LINES):
            read[0] = i + 1
            yield '{"text": "a"}\n'

    (verdict,) = Classifier.load().classify(["a"])
    assert classify_stream(lines(), out, Counting(), progress=False, total=None) == 0
    assert max(ahead) <= BATCH_LINES
    assert out.getvalue().count("\n") == 5 * BATCH_LINES
