"""The list as a file: whole, readable by programs, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest
from support.browser import Browser
from support.factories import incoming
from support.judges import WordJudge

from collectors.intake import take_in
from dashboard.context import Desk
from dashboard.inbox import export
from service.pipeline import Pipeline
from shenava.messages import Author, Incoming
from shenava.store import User


def taken_in(desk: Desk, *batch: Incoming) -> None:
    take_in(desk.store, list(batch))
    Pipeline(desk.store, WordJudge(), desk.policy).run_until_idle()


def lines(client: Browser, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/inbox/export.csv?{query}")
    assert answer.mimetype == "text/csv"
    assert answer.data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def test_no_text_of_a_customer_is_lost(client: Browser, agent: User, desk: Desk) -> None:
    texts = ['می‌رسد؟\n\nخط "دوم"', "a,b;c\ttab", "🌹" * 2_000, "x" * 40_000, "\r\nend\r\n"]
    taken_in(desk, *(incoming(str(n), text, author="a") for n, text in enumerate(texts)))
    found = lines(client)
    assert [row["text"].removeprefix("'") for row in found] == texts
    assert {row["case"] for row in found} == {found[0]["case"]}
    assert found[0].keys() == set(export.COLUMNS)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "＝", " =", "\n+"])
def test_no_cell_is_taken_for_a_formula(
    client: Browser, agent: User, desk: Desk, start: str
) -> None:
    text = f'{start}HYPERLINK("http://evil")'
    taken_in(desk, incoming("1", text, author=Author("1", "h", text)))
    (row,) = lines(client)
    assert row["text"] == f"'{text}"
    assert row["author"].startswith("'")


def test_the_file_holds_what_the_list_holds(
    client: Browser, agent: User, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_CHUNK", 3)
    taken_in(
        desk,
        *(incoming(str(n), f"سفارش {n}", author=f"a{n}") for n in range(10)),
        incoming("late", "it is late", author="b"),
        incoming("old", "اینترنت", author="c", historic=True),
    )
    assert len(lines(client)) == 11
    assert len(lines(client, "q=سفارش")) == 10
    assert [row["message"] for row in lines(client, "q=late")] == ["late"]
    assert [row["message"] for row in lines(client, "intent=delivery_late")] == ["late"]
    (old,) = lines(client, "queue=closed")
    assert (old["text"], old["state"], old["complaint"]) == ("اینترنت", "closed", "no")
    assert lines(client, "queue=snoozed") == []
