"""How fast and how large the shipped model is: ``python -m benchmarks.bench_sentiment``.

Prints one JSON line: texts a second in batches, milliseconds for one text (median and the 95th of
100), seconds to load, resident memory in MB after loading, and its peak. One thread.
"""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

ROUNDS = 4


def resident() -> float:
    """Memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    """Measure and print."""
    start = time.perf_counter()
    from sentiment.classifier import Classifier

    classifier = Classifier.load(threads=1)
    classifier.classify(["سلام hello"])
    load_s, loaded_mb = time.perf_counter() - start, resident()

    from sentiment.corpus import read_rows

    texts = [row.text for row in read_rows()]
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
    print(
        json.dumps(
            {
                "benchmark": "sentiment",
                "model": classifier.name,
                "texts_per_s": round(max(rates)),
                "mean_characters": round(sum(map(len, texts)) / len(texts)),
                "one_text_ms_p50": round(single[len(single) // 2], 3),
                "one_text_ms_p95": round(single[int(len(single) * 0.95)], 3),
                "load_s": round(load_s, 2),
                "resident_mb": round(loaded_mb),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
            }
        )
    )


if __name__ == "__main__":
    main()
