"""Promises of the file import: what goes in, what is left out and why, whatever the file."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from support.factories import START

from collectors import import_rows
from collectors.file_import import (
    BATCH_ROWS,
    DEFAULT_KINDS,
    FIELDS,
    SHOWN_REJECTS,
    ImportOptions,
    ImportReport,
    RowError,
    import_file,
    read_message,
    read_time,
)
from collectors.import_rows import BadRow, ImportFileError, Row, RowReader
from shenava.messages import AccountRef, Incoming, MessageKind, Platform, Source
from shenava.store import Message, Sighting, Store
from shenava.store.search import matching_messages

TEHRAN = ZoneInfo("Asia/Tehran")
PLAIN = ImportOptions(zone=TEHRAN, platform=Platform.X, account="shop")
HEADER = "id,created_at,author,text\n"
LATEST = START + timedelta(days=1)
ROW: Mapping[str, Any] = {
    "id": "7",
    "created_at": "2026-01-02T10:00:00+03:30",
    "author": "@sara",
    "text": "سلام",
}


def imported(store: Store, content: str | bytes, options: ImportOptions = PLAIN) -> ImportReport:
    data = content.encode() if isinstance(content, str) else content
    return import_file(store, io.BytesIO(data), options)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return (report.read, report.new, report.duplicate, report.rejected)


def texts(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.scalars(select(Message.text).order_by(Message.id)))


def message(options: ImportOptions = PLAIN, **fields: Any) -> Incoming:
    return read_message({**ROW, **fields}, options, LATEST)


def reason(options: ImportOptions = PLAIN, **fields: Any) -> str:
    with pytest.raises(RowError) as caught:
        message(options, **fields)
    return str(caught.value)


def rows(content: str | bytes) -> list[Row | BadRow]:
    data = content.encode() if isinstance(content, str) else content
    return list(RowReader(io.BytesIO(data)))


# The whole way.


def test_a_csv_with_line_breaks_in_quotes_goes_in_row_by_row(store: Store) -> None:
    file = (
        "id,created_at,author,account,text\n"
        '1,2026-01-02T10:00:00Z,a,shop,"two\nlines, and ""quotes"""\n'
        "2,2026-01-02T10:00:00Z,b,shop,plain\n"
    )
    assert counts(imported(store, file)) == (2, 2, 0, 0)
    assert texts(store) == ['two\nlines, and "quotes"', "plain"]


def test_the_same_file_again_changes_nothing(store: Store) -> None:
    lines = [f"{n},2026-01-02T10:00:00Z,user{n % 9},text {n}\n" for n in range(BATCH_ROWS + 50)]
    file = HEADER + "".join([*lines, *lines[:20]])
    assert counts(imported(store, file)) == (BATCH_ROWS + 70, BATCH_ROWS + 50, 20, 0)
    assert counts(imported(store, file)) == (BATCH_ROWS + 70, 0, BATCH_ROWS + 70, 0)
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == BATCH_ROWS + 50
        assert set(session.scalars(select(Sighting.source))) == {Source.IMPORT}


def test_an_import_cut_off_anywhere_and_run_again_ends_the_same(sqlite_store: Store) -> None:
    file = HEADER + "".join(
        f"{n},2026-01-02T10:00:00Z,user{n % 9},text {n}\n" for n in range(3 * BATCH_ROWS)
    )

    def fall(report: ImportReport, _position: int) -> None:
        if report.read == 2 * BATCH_ROWS:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(sqlite_store, io.BytesIO(file.encode()), PLAIN, after_batch=fall)
    assert counts(imported(sqlite_store, file)) == (
        3 * BATCH_ROWS,
        BATCH_ROWS,
        2 * BATCH_ROWS,
        0,
    )
    assert texts(sqlite_store) == [f"text {n}" for n in range(3 * BATCH_ROWS)]


def test_what_went_in_is_found_by_search_in_either_spelling(store: Store) -> None:
    imported(store, json.dumps({**ROW, "text": "اینترنت قطع است"}))
    with store.read() as session:
        query = matching_messages(session, "اينترنت")  # with Arabic yeh
        assert query is not None
        assert len(session.scalars(query).all()) == 1


def test_a_bad_row_is_reported_with_its_line_and_the_rest_go_in(sqlite_store: Store) -> None:
    file = (
        HEADER
        + '1,2026-01-02T10:00:00Z,a,"first\nrow"\n'
        + ",2026-01-02T10:00:00Z,a,no id\n"
        + "3,tomorrow,a,no time\n"
        + "4,2026-01-02T10:00:00Z,a\n"
        + "5,2026-01-02T10:00:00Z,a,last row\n"
    )
    kept = io.StringIO()
    report = import_file(sqlite_store, io.BytesIO(file.encode()), PLAIN, rejects=kept)
    assert counts(report) == (5, 2, 0, 3)
    assert [reject.line for reject in report.rejects] == [4, 5, 6]
    assert texts(sqlite_store) == ["first\nrow", "last row"]
    lines = [json.loads(line) for line in kept.getvalue().splitlines()]
    assert [line["line"] for line in lines] == [4, 5, 6]
    assert lines[1]["row"] == "3,tomorrow,a,no time"
    assert "unreadable time" in lines[1]["reason"]
    assert "3 columns where the header has 4" in lines[2]["reason"]


def test_only_the_first_rejects_are_kept_in_memory_but_all_are_counted(
    sqlite_store: Store,
) -> None:
    report = imported(sqlite_store, HEADER + ",,,\n" * (SHOWN_REJECTS + 5))
    assert (report.rejected, len(report.rejects)) == (SHOWN_REJECTS + 5, SHOWN_REJECTS)


def test_progress_is_told_after_each_batch(sqlite_store: Store) -> None:
    file = HEADER + "".join(f"{n},2026-01-02T10:00:00Z,a,text\n" for n in range(BATCH_ROWS + 1))
    told: list[tuple[int, int]] = []
    import_file(
        sqlite_store,
        io.BytesIO(file.encode()),
        PLAIN,
        after_batch=lambda report, position: told.append((report.new, position)),
    )
    assert [new for new, _ in told] == [BATCH_ROWS, BATCH_ROWS + 1]
    assert told[-1][1] == len(file)


def test_memory_does_not_grow_with_the_file() -> None:
    class Endless(io.RawIOBase):
        """A file without end, of which only what is asked for is ever made."""

        line = 0

        def readable(self) -> bool:
            return True

        def readline(self, size: int | None = -1, /) -> bytes:
            self.line += 1
            return HEADER.encode() if self.line == 1 else b"%d,2026,a,t\n" % self.line

    stream = Endless()
    reader = iter(RowReader(stream))  # type: ignore[arg-type]
    for _ in range(10_000):
        next(reader)
    assert stream.line <= 10_002


# Telling files apart.


def test_an_empty_file_and_a_bare_header_are_no_error(sqlite_store: Store) -> None:
    assert counts(imported(sqlite_store, "")) == (0, 0, 0, 0)
    assert counts(imported(sqlite_store, "\n \n")) == (0, 0, 0, 0)
    assert counts(imported(sqlite_store, HEADER)) == (0, 0, 0, 0)


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_columns_may_be_parted_by_comma_semicolon_or_tab(sign: str) -> None:
    (row,) = rows(f"id{sign}text\n1{sign}hi\n")
    assert isinstance(row, Row)
    assert row.fields == {"id": "1", "text": "hi"}


def test_column_names_are_read_without_regard_to_case_or_blanks() -> None:
    (row,) = rows(" ID , Text\n1,hi\n")
    assert isinstance(row, Row)
    assert row.fields == {"id": "1", "text": "hi"}


def test_a_byte_order_mark_is_passed_over(sqlite_store: Store) -> None:
    file = b"\xef\xbb\xbf" + (HEADER + "1,2026-01-02T10:00:00Z,a,سلام\n").encode()
    assert counts(imported(sqlite_store, file)) == (1, 1, 0, 0)
    assert counts(imported(sqlite_store, b"\xef\xbb\xbf" + json.dumps(ROW).encode())) == (
        1,
        1,
        0,
        0,
    )


def test_windows_line_ends_do_not_get_into_the_text(sqlite_store: Store) -> None:
    imported(sqlite_store, HEADER.replace("\n", "\r\n") + "1,2026-01-02T10:00:00Z,a,hi\r\n")
    assert texts(sqlite_store) == ["hi"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ((HEADER + "1,2026-01-02T10:00:00Z,a,سلام\n").encode("utf-16"), "UTF-16"),
        ((HEADER + "1,2026-01-02T10:00:00Z,a,سلام\n").encode("utf-16-le"), "UTF-16"),
        ((HEADER + "1,x,a,hi\n2,x,a,سلام\n").encode("windows-1256"), "Line 3 is not UTF-8"),
        (b'[{"id": 1}]', "one JSON list"),
        (b"id,text,id\n1,hi,2\n", "more than once"),
        (b"id,text\rrow\r", "carriage return"),
        (b"id,created_at,author\n", "no column text; the file has id, created_at, author"),
        (b"created_at,author,text\n", "--make-ids"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_says_why(
    sqlite_store: Store, content: bytes, said: str
) -> None:
    with pytest.raises(ImportFileError, match=said):
        imported(sqlite_store, content)


def test_one_broken_line_in_a_utf8_file_is_a_bad_row(sqlite_store: Store) -> None:
    good = "{n},2026-01-02T10:00:00Z,a,سلام\n"
    file = (
        (HEADER + good.format(n=1)).encode()
        + b"2,2026-01-02T10:00:00Z,a,\xe3\xe1\n"
        + good.format(n=3).encode()
    )
    report = imported(sqlite_store, file)
    assert counts(report) == (3, 2, 0, 1)
    assert report.rejects[0].line == 3
    assert "not UTF-8 (byte 0xe3" in report.rejects[0].reason


# Rows that cannot be read.


def test_a_quote_that_is_never_closed_costs_one_row() -> None:
    found = rows('id,text\n1,"open\n2,two\n3,"three"\n4,four\n')
    assert [type(row).__name__ for row in found] == ["BadRow", "Row", "Row", "Row"]
    assert [row.line for row in found] == [2, 3, 4, 5]
    assert isinstance(found[0], BadRow)
    assert found[0].raw == '1,"open'


def test_a_field_of_enormous_length_costs_one_row() -> None:
    found = rows('id,text\n1,"open\n' + "".join(f"{n},{'x' * 999}\n" for n in range(300)))
    assert [type(row).__name__ for row in found[:2]] == ["BadRow", "Row"]
    assert len(found) == 301


def test_a_line_of_enormous_length_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_rows, "LINE_LIMIT", 100)
    found = rows(f"id,text\n1,{'x' * 950}\n2,two\n")
    assert [(row.line, type(row).__name__) for row in found] == [(2, "BadRow"), (3, "Row")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("nonsense", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"id": ' + "9" * 5000 + "}", "a number is too long"),
        ('{"a": ' * 20_000, "not JSON"),
    ],
)
def test_bad_json_is_a_bad_row(line: str, said: str) -> None:
    found = rows(json.dumps(ROW) + "\n" + line + "\n\n" + json.dumps(ROW))
    assert [(row.line, type(row).__name__) for row in found] == [
        (1, "Row"),
        (2, "BadRow"),
        (4, "Row"),
    ]
    assert isinstance(found[1], BadRow)
    assert said in found[1].reason


@given(st.lists(st.text(st.sampled_from('a,"\n\r;سx '), max_size=12), max_size=12))
def test_no_csv_makes_the_reader_fall_and_no_line_is_read_twice(lines: list[str]) -> None:
    found = rows("id,text\n" + "\n".join(lines))
    numbers = [row.line for row in found]
    assert numbers == sorted(set(numbers))


@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=2), max_size=8))
def test_what_a_csv_writer_writes_is_read_as_it_was(table: list[list[str]]) -> None:
    import csv

    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([["id", "text"], *table])
    found = rows(out.getvalue().encode("utf-8", "replace"))
    want = [[cell.encode("utf-8", "replace").decode() for cell in row] for row in table]
    assert [list(row.fields.values()) for row in found if isinstance(row, Row)] == want


# What a row means.


def test_every_field_has_its_place_in_the_message() -> None:
    found = message(
        author_id=42,
        author_name="سارا",
        followers="12,400",
        kind="comment",
        post="p1",
        reply_to="6",
        permalink="https://x.com/sara/status/7",
        scope="chat-1",
    )
    assert found.account == AccountRef(Platform.X, "shop")
    assert (found.native_key, found.scope, found.kind) == ("7", "chat-1", MessageKind.COMMENT)
    assert (found.author.native_id, found.author.handle) == ("42", "sara")
    assert (found.author.name, found.author.followers) == ("سارا", 12_400)
    assert found.post is not None
    assert (found.post.native_key, found.reply_to_key) == ("p1", "6")
    assert found.permalink == "https://x.com/sara/status/7"
    assert found.written_at == datetime(2026, 1, 2, 6, 30, tzinfo=UTC)
    assert not found.historic


def test_columns_of_other_names_can_be_mapped(sqlite_store: Store) -> None:
    options = ImportOptions(
        zone=TEHRAN,
        platform=Platform.X,
        account="shop",
        columns={"text": "Tweet Text", "author": "user"},
    )
    file = "id,created_at,user,tweet text,text\n1,2026-01-02T10:00:00Z,a,this,not this\n"
    imported(sqlite_store, file, options)
    assert texts(sqlite_store) == ["this"]


def test_a_mapping_to_nowhere_is_refused(sqlite_store: Store) -> None:
    with pytest.raises(ImportFileError, match="no field 'txt' to map; the fields are id"):
        ImportOptions(zone=TEHRAN, columns={"txt": "a"})
    wrong = ImportOptions(zone=TEHRAN, columns={"text": "body"})
    with pytest.raises(ImportFileError, match="no column 'body'; the file has id"):
        imported(sqlite_store, HEADER, wrong)


def test_the_account_may_carry_the_platform() -> None:
    bare = ImportOptions(zone=TEHRAN)
    assert message(bare, account="instagram:isp").account == AccountRef(Platform.INSTAGRAM, "isp")
    assert message(account="Instagram: @isp").account == AccountRef(Platform.INSTAGRAM, "isp")
    assert message(account="Virgin America").account == AccountRef(Platform.X, "Virgin America")
    assert message(account="shop:main").account == AccountRef(Platform.X, "shop:main")
    asked = ImportOptions(zone=TEHRAN, account="telegram:bot")
    assert message(asked).account == AccountRef(Platform.TELEGRAM, "bot")
    assert message(asked, account="x:shop").account == AccountRef(Platform.X, "shop")


def test_the_row_says_more_than_the_command() -> None:
    asked = ImportOptions(
        zone=TEHRAN, platform=Platform.X, account="shop", kind=MessageKind.COMMENT
    )
    found = message(asked, platform="BALE", account="other", kind="dm")
    assert found.account == AccountRef(Platform.BALE, "other")
    assert found.kind is MessageKind.DM
    assert message(asked).kind is MessageKind.COMMENT


@pytest.mark.parametrize(("platform", "kind"), DEFAULT_KINDS.items())
def test_where_nobody_says_the_kind_follows_from_the_platform(
    platform: Platform, kind: MessageKind
) -> None:
    assert set(DEFAULT_KINDS) == set(Platform)
    assert message(platform=platform.value).kind is kind


def test_old_posts_are_marked() -> None:
    assert message(
        ImportOptions(zone=TEHRAN, platform=Platform.X, account="s", historic=True)
    ).historic


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": ""}, "no id; --make-ids"),
        ({"id": None}, "no id; --make-ids"),
        ({"id": "5.70306E+17"}, "rounded by a spreadsheet"),
        ({"id": 5.70306e17}, "id is a rounded number"),
        ({"id": True}, "id is not text"),
        ({"id": ["1"]}, "id is not text"),
        ({"id": "a\x00b"}, "id holds a NUL"),
        ({"id": "a\ud800"}, "id holds a NUL or half a sign"),
        ({"id": "x" * 301}, "id is longer than 300"),
        ({"text": ""}, "no text"),
        ({"text": " \n\t"}, "no text"),
        ({"text": None}, "no text"),
        ({"text": {"a": 1}}, "text is not text"),
        ({"author": ""}, "no author"),
        ({"author": "@"}, "no author"),
        ({"created_at": ""}, "no time"),
        ({"created_at": "yesterday"}, "unreadable time"),
        ({"created_at": "2026-02-30T10:00:00Z"}, "unreadable time"),
        ({"created_at": True}, "unreadable time"),
        ({"created_at": 7}, "before 1990"),
        ({"created_at": float("inf")}, "unreadable time"),
        ({"created_at": "2036-01-01T00:00:00Z"}, "in the future"),
        ({"kind": "shout"}, "unknown kind; known are mention, comment"),
        ({"platform": "orkut"}, "unknown platform; known are x, instagram"),
        ({"platform": "x", "account": "instagram:isp"}, "platform says x, account says instagram"),
        ({"followers": "many"}, "followers is not a whole number"),
        ({"followers": -1}, "no possible number"),
        ({"permalink": "javascript:alert(1)"}, "not a web address"),
        ({"scope": "s" * 201}, "scope is longer"),
    ],
)
def test_a_row_that_cannot_be_a_message_says_why(fields: dict[str, Any], said: str) -> None:
    assert said in reason(**fields)


def test_a_row_without_platform_or_account_says_which_option_helps() -> None:
    assert "--platform" in reason(ImportOptions(zone=TEHRAN, account="shop"))
    assert "--account" in reason(ImportOptions(zone=TEHRAN, platform=Platform.X))


@pytest.mark.parametrize("text", ["🌹", "؟", ".", "  hi \n", "cut\x00off", "half \ud83d"])
def test_any_text_that_is_not_blank_goes_in_as_it_stands(text: str) -> None:
    assert message(text=text).text == text


def test_ids_are_text_and_numbers_keep_all_their_digits() -> None:
    assert message(id=570306133677760513).native_key == "570306133677760513"
    assert message(id=" 0042 ").native_key == "0042"


def test_derived_ids_are_the_same_for_the_same_message_only() -> None:
    make = ImportOptions(zone=TEHRAN, platform=Platform.X, account="shop", make_ids=True)
    one = message(make, id="")
    assert one.native_key == message(make, id=None, author="SARA").native_key
    assert message(make, id="given").native_key == "given"
    for other in (
        {"text": "سلام!"},
        {"author": "ali"},
        {"platform": "bale"},
        {"created_at": "2026-01-01"},
    ):
        assert message(make, id="", **other).native_key != one.native_key


def test_a_file_without_ids_goes_in_once_with_derived_ones(sqlite_store: Store) -> None:
    make = ImportOptions(zone=TEHRAN, platform=Platform.X, account="shop", make_ids=True)
    file = "created_at,author,text\n2026-01-02,a,hi\n2026-01-02,a,hi\n2026-01-02,b,hi\n"
    assert counts(imported(sqlite_store, file, make)) == (3, 2, 1, 0)
    assert counts(imported(sqlite_store, file, make)) == (3, 0, 3, 0)


# Times.


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2015-02-24T11:35:52-08:00", "2015-02-24T19:35:52"),
        ("2015-02-24 11:35:52 -0800", "2015-02-24T19:35:52"),
        ("2026-01-02T10:00:00Z", "2026-01-02T10:00:00"),
        ("2026-01-02T10:00:00.250+03:30", "2026-01-02T06:30:00.250"),
        ("2026-01-02 10:00", "2026-01-02T06:30:00"),
        ("2026-01-02", "2026-01-01T20:30:00"),
        ("1735689600", "2025-01-01T00:00:00"),
        (1735689600, "2025-01-01T00:00:00"),
        (1735689600.5, "2025-01-01T00:00:00.500"),
        ("1735689600250", "2025-01-01T00:00:00.250"),
    ],
)
def test_times_are_read_in_every_usual_form(written: object, utc: str) -> None:
    assert read_time(written, TEHRAN) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_time_without_offset_is_a_wall_time_of_the_zone_given() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert read_time("2025-07-01T12:00", berlin) == datetime(2025, 7, 1, 10, tzinfo=UTC)
    # 02:30 comes twice that night: the first is meant.
    assert read_time("2025-10-26T02:30", berlin) == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)


@given(st.integers(662_688_000, 2_051_222_400).map(lambda at: datetime.fromtimestamp(at, UTC)))
def test_an_instant_survives_being_written_down(at: datetime) -> None:
    assert read_time(at.isoformat(), TEHRAN) == at


def test_every_field_is_told_of() -> None:
    assert all(words for words in FIELDS.values())
