"""What two readers of the corpus agree on."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentiment.agreement import BEGIN, END, FILE, pairs, read_second, table
from sentiment.corpus import read_rows
from shenava.messages import Intent, Sentiment

CARD = Path(__file__).parents[2] / "docs" / "model-card.md"


def test_the_second_reading_is_of_rows_that_are_there() -> None:
    second = read_second()
    assert len(second) > 4_000
    assert len(pairs(read_rows(), second)) == len(second)


def test_the_card_tells_it_as_it_is() -> None:
    told = CARD.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()
    assert told == table(pairs(read_rows(), read_second()))


def test_who_says_the_same_agrees_and_who_does_not_does_not(tmp_path: Path) -> None:
    rows = [row for row in read_rows() if row.id.startswith("en-")][:60]
    flags = {(True, True): "cu", (True, False): "c", (False, True): "u", (False, False): "-"}
    turned = {Sentiment.NEGATIVE: "positive", Sentiment.POSITIVE: "neutral"}
    same, other = tmp_path / "same.tsv", tmp_path / "other.tsv"
    with same.open("w") as alike, other.open("w") as unlike:
        for row in rows:
            intents = ",".join(row.intents)
            said = flags[row.complaint, row.urgent]
            alike.write(f"{row.id}\t{row.sentiment}\t{said}\t{intents}\n")
            said = flags[not row.complaint, not row.urgent]
            intents = Intent.SPAM if Intent.SPAM not in row.intents else Intent.THREAT
            mood = turned.get(row.sentiment, "negative")
            unlike.write(f"{row.id}\t{mood}\t{said}\t{intents}\n")
    assert "| all | 60 | 100.0 | 100.0 | 100.0 | 100.0 |" in table(pairs(rows, read_second(same)))
    assert "| all | 60 | 0.0 | 0.0 | 0.0 | 0.0 |" in table(pairs(rows, read_second(other)))


@pytest.mark.parametrize("line", ["en-1", "en-1\tnegative\tc\tnothing", "en-1\tsad\tc\tpayment"])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.tsv").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.tsv, line 1"):
        read_second(tmp_path / "x.tsv")


def test_nobody_reads_a_row_twice_over() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    assert len({line.split("\t")[0] for line in lines}) == len(lines)
