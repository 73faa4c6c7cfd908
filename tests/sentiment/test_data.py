"""What training may learn from."""

from __future__ import annotations

import json
import lzma
import random
from pathlib import Path

import pytest

from sentiment.corpus import read_rows
from sentiment.data import JOINED, Rights, language_examples, read_examples
from sentiment.heads import Tongue
from shenava.messages import Sentiment

ROWS = [
    {"text": "great thing", "lang": "en", "label": "positive", "complaint": None,
     "source": "goemotions", "rights": "permissive"},
    {"text": "سيء جدا", "lang": "ar", "label": "negative", "complaint": None,
     "source": "motaz_emoji", "rights": "permissive-claim"},
    {"text": "عالی بود", "lang": "fa", "label": None, "complaint": True,
     "source": "snappfood", "rights": "research-no-licence"},
    {"text": "choukran bzaf khouya", "lang": "ar", "label": "positive", "complaint": None,
     "source": "afrisenti_ary", "rights": "permissive"},
]  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "train.jsonl.xz"
    with lzma.open(path, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in ROWS)
    return path


@pytest.mark.parametrize(
    ("rights", "sources"),
    [
        (Rights.PERMISSIVE, ["goemotions", "afrisenti_ary"]),
        (Rights.CLAIM, ["goemotions", "motaz_emoji", "afrisenti_ary"]),
        (Rights.ALL, ["goemotions", "motaz_emoji", "snappfood", "afrisenti_ary"]),
    ],
)
def test_only_rows_with_the_rights_asked_for_are_read(
    file: Path, rights: Rights, sources: list[str]
) -> None:
    assert [e.source for e in read_examples(file, rights)] == sources


def test_a_row_has_only_the_labels_that_people_gave_it(file: Path) -> None:
    first, _, third, dialect = read_examples(file)
    assert first.sentiment is Sentiment.POSITIVE
    assert first.complaint is None
    assert first.urgent is None
    assert first.intents is None
    assert third.sentiment is None
    assert third.complaint is True
    assert dialect.tongue is Tongue.AR_LATIN


def test_joined_texts_teach_the_language_only(file: Path) -> None:
    made = language_examples(list(read_examples(file)), random.Random(1), joined=5)
    joined = [e for e in made if e.source == JOINED]
    assert len(joined) == 5
    assert all(e.tongue is Tongue.MIXED and e.sentiment is None for e in joined)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"intents": []}, "at least one intent"),
        ({"intents": ["payment", "other"]}, "'other' beside none"),
        ({"sentiment": "neutral"}, "every complaint is negative"),
        ({"urgent": "yes"}, "urgent must be true or false"),
        ({"lang": "xx"}, "xx"),
    ],
)
def test_a_row_that_breaks_the_guide_is_named(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    row = {
        "id": "fa-1",
        "text": "پول کم شد",
        "lang": "fa",
        "script": "native",
        "sentiment": "negative",
        "complaint": True,
        "urgent": True,
        "intents": ["payment"],
    }
    file = tmp_path / "fa.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert [one.id for one in read_rows(tmp_path)] == ["fa-1"]
    file.write_text(json.dumps(row) + "\n" + json.dumps(row | change) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"fa\.jsonl, line 2.*" + said):
        list(read_rows(tmp_path))
