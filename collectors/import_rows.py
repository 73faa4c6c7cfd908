"""Reading an import file: from bytes to numbered rows, a line at a time, whatever its size.

Two forms are known, told apart by the first sign that is not blank: ``{`` begins JSONL (one
JSON object a line), anything else is the header of a CSV file with commas, semicolons or tabs.

A line that cannot be read becomes a :class:`BadRow` and the next is read. In CSV a quote that is
never closed would swallow the rest of the file: there, too, only the line on which the row
began is given up, and reading goes on with the line after it.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

LINE_LIMIT = 1_048_576
"""Bytes of the longest line that is read. No platform's message comes near it."""

_DELIMITERS = ",;\t"
_UTF8_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}


class ImportFileError(Exception):
    """The file as a whole cannot be imported. The text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line it begins on (from 1), its fields by column, and how it stands there."""

    line: int
    fields: Mapping[str, Any]
    raw: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, and why."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    problem: str | None = None


class RowReader:
    """The rows of one open file.

    ``stream`` is read once, from where it stands. ``columns`` are the names in a CSV header,
    ``None`` for JSONL and for an empty file. ``bytes_read`` grows as rows are taken.
    Raises :class:`ImportFileError`, at once or while reading, when the file is of no known form
    or encoding.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lines = self._decoded()
        self._again: deque[_Line] = deque()
        self.bytes_read = 0
        self.columns: tuple[str, ...] | None = None
        self._header: list[str] = []
        self._delimiter = ","
        first = self._first()
        self._is_json = first is not None and first.text.lstrip().startswith("{")
        if first is None:
            return
        if first.text.lstrip().startswith("["):
            raise ImportFileError(
                "The file is one JSON list. Write one object a line (JSONL); "
                "jq -c '.[]' FILE does that."
            )
        if self._is_json:
            self._again.append(first)
        else:
            self._read_header(first)

    def __iter__(self) -> Iterator[Row | BadRow]:
        if self._is_json:
            return self._json_rows()
        return self._csv_rows() if self.columns is not None else iter(())

    # Lines.

    def _decoded(self) -> Iterator[_Line]:
        """Every line as text with its number; one that is too long or not UTF-8 as a problem."""
        number = 0
        seen_utf8 = False
        while data := self._stream.readline(LINE_LIMIT):
            number += 1
            self.bytes_read += len(data)
            if number == 1:
                _refuse_wide(data)
                data = data.removeprefix(_UTF8_BOM)
            if len(data) == LINE_LIMIT and not data.endswith(b"\n"):
                self._skip_line()
                yield _Line(
                    number, _shown(data[:200]), f"the line is longer than {LINE_LIMIT:,} bytes"
                )
                continue
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError as error:
                wrong = f"is not UTF-8 (byte 0x{data[error.start]:02x} at place {error.start + 1})"
                if not seen_utf8:
                    # Nothing so far was UTF-8 beyond ASCII: the whole file is something else.
                    raise ImportFileError(
                        f"Line {number} {wrong}. The file seems to be in another encoding; save it "
                        "as UTF-8 (iconv -f WINDOWS-1256 -t UTF-8, say) and import it again. "
                        "What went in before that line stays and will count as duplicate."
                    ) from None
                yield _Line(number, _shown(data), f"the line {wrong}")
                continue
            seen_utf8 = seen_utf8 or not text.isascii()
            yield _Line(number, text)

    def _skip_line(self) -> None:
        while data := self._stream.readline(LINE_LIMIT):
            self.bytes_read += len(data)
            if data.endswith(b"\n"):
                return

    def _next(self) -> _Line | None:
        return self._again.popleft() if self._again else next(self._lines, None)

    def _first(self) -> _Line | None:
        """The first line that is not blank."""
        while (line := self._next()) is not None:
            if line.problem:
                raise ImportFileError(f"Line {line.number}: {line.problem}.")
            if line.text.strip():
                return line
        return None

    # JSONL.

    def _json_rows(self) -> Iterator[Row | BadRow]:
        while (line := self._next()) is not None:
            if not line.text.strip():
                continue
            raw = line.text.rstrip("\r\n")
            fields: object = None
            problem = line.problem
            if problem is None:
                try:
                    fields = json.loads(line.text)
                except (ValueError, RecursionError) as error:
                    problem = f"not JSON: {_first_words(error)}"
                else:
                    problem = None if isinstance(fields, dict) else "not a JSON object"
            if problem is None and isinstance(fields, dict):
                yield Row(line.number, {key.strip().casefold(): fields[key] for key in fields}, raw)
            else:
                yield BadRow(line.number, problem or "", raw)

    # CSV.

    def _read_header(self, line: _Line) -> None:
        if "\r" in line.text.rstrip("\r\n"):
            raise ImportFileError(
                "The lines of the file end in a carriage return alone. Save it as "
                "“CSV UTF-8” with usual line ends."
            )
        rows = {sign: next(csv.reader([line.text], delimiter=sign), []) for sign in _DELIMITERS}
        self._delimiter = max(_DELIMITERS, key=lambda sign: len(rows[sign]))
        self._header = [name.strip().casefold() for name in rows[self._delimiter]]
        twice = {name for name in self._header if name and self._header.count(name) > 1}
        if twice:
            raise ImportFileError(f"The header names {', '.join(sorted(twice))} more than once.")
        self.columns = tuple(self._header)

    def _csv_rows(self) -> Iterator[Row | BadRow]:
        taken: list[_Line] = []

        def feed() -> Iterator[str]:
            while (line := self._next()) is not None:
                if line.problem:
                    # Not text: it can be no part of a row. The row before it ends here.
                    self._again.appendleft(line)
                    return
                taken.append(line)
                yield line.text

        while (line := self._next()) is not None:
            if line.problem:
                yield BadRow(line.number, line.problem, line.text.rstrip("\r\n"))
                continue
            if not line.text.strip():
                continue
            self._again.appendleft(line)
            taken.clear()
            # A reader for each row, so that what is wrong with one cannot reach the next.
            try:
                values = next(csv.reader(feed(), delimiter=self._delimiter, strict=True))
            except csv.Error as error:
                begin, *rest = taken
                self._again.extendleft(reversed(rest))
                yield BadRow(begin.number, _csv_reason(error), begin.text.rstrip("\r\n"))
                continue
            yield self._checked(taken[0].number, values, "".join(part.text for part in taken))

    def _checked(self, line: int, values: list[str], text: str) -> Row | BadRow:
        raw = text.rstrip("\r\n")
        if len(values) != len(self._header):
            columns = "column" if len(values) == 1 else "columns"
            reason = f"{len(values)} {columns} where the header has {len(self._header)}"
            return BadRow(line, reason, raw)
        return Row(line, dict(zip(self._header, values, strict=True)), raw)


def _refuse_wide(data: bytes) -> None:
    for mark, name in _WIDE_BOMS.items():
        if data.startswith(mark):
            raise ImportFileError(
                f"Line 1: the file is {name}. Save it as UTF-8 and import it again."
            )
    if b"\x00" in data[:64]:
        raise ImportFileError(
            "Line 1 holds NUL bytes: the file is no text, or UTF-16. Save it as UTF-8."
        )


def _shown(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _first_words(error: BaseException) -> str:
    """What the JSON reader says, without the text it was given."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at place {error.colno}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return "a number is too long"


def _csv_reason(error: csv.Error) -> str:
    said = str(error)
    if "unexpected end of data" in said:
        return "a quote is opened and never closed"
    if "field larger" in said:
        return f"a field is longer than {csv.field_size_limit():,} signs, or a quote never closed"
    if "new-line" in said:
        return "a carriage return stands outside quotes"
    return "a quote is closed and text follows it, or one within is not doubled"
