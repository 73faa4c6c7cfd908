"""How fast and how large the shipped model is: ``python -m benchmarks model``.

Texts a second in batches (two threads), milliseconds for one text (median and the 95th of 100),
seconds to load, and the peak memory of a process that does nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.result import Result, Target

ROUNDS = 4
TARGETS = {
    "texts_per_s": Target(2_000, at_least=True),
    "one_text_ms_p95": Target(5),
    "load_s": Target(2),
    "peak_mb": Target(200),
}


def measure_sentiment() -> Iterator[Result]:
    """In a process of its own, so that the memory is the model's."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_sentiment"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    told = json.loads(done.stdout)
    yield Result("model", told["figures"], TARGETS, {"model": told["model"]})


def _peak_mb() -> float:
    """The most memory this process held. (``ru_maxrss`` may be that of who started it.)"""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def main() -> None:
    """Measure and print one line of JSON."""
    start = time.perf_counter()
    from sentiment.classifier import Classifier

    classifier = Classifier.load(threads=2)
    classifier.classify(["سلام hello"])
    load_s = time.perf_counter() - start

    from sentiment.corpus import read_rows

    texts = [row.text for row in read_rows()][:5_000]
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for at in range(0, len(texts), 256):
            classifier.classify(texts[at : at + 256])
        rates.append(len(texts) / (time.perf_counter() - start))
    single = []
    for text in texts[:1000]:
        start = time.perf_counter()
        classifier.classify([text])
        single.append(1000 * (time.perf_counter() - start))
    single.sort()
    figures = {
        "texts_per_s": max(rates),
        "mean_characters": sum(map(len, texts)) / len(texts),
        "one_text_ms_p50": single[len(single) // 2],
        "one_text_ms_p95": single[int(len(single) * 0.95)],
        "load_s": load_s,
        "peak_mb": _peak_mb(),
    }
    print(json.dumps({"model": classifier.name, "figures": figures}))


if __name__ == "__main__":
    main()
