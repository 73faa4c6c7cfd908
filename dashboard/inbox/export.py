"""The list as a file: everything wanted, one line a message, streamed.

The file is CSV (RFC 4180) in UTF-8 with a byte order mark, which spreadsheets need to read
Persian. Its columns are :data:`COLUMNS`. A cell that a spreadsheet would run as a formula gets an
apostrophe in front (OWASP, "CSV Injection"); nothing else is changed, and nothing is cut. Values
are those of the database, not of a language, so that a file can be read by programs.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.context import desk
from dashboard.inbox import queries
from dashboard.inbox.wanted import Wanted, read
from dashboard.reader import me
from responder.effective import held_verdicts
from shenava.store import Account, Case, Customer, Identity, Message, Store, User

COLUMNS = (
    "case",  # number of the case
    "state",  # open, snoozed, closed
    "priority",  # 0 low to 3 urgent
    "reasons",  # codes, the strongest first
    "assignee",
    "opened_at",  # all times in UTC, ISO 8601
    "waiting_since",
    "due_at",
    "closed_at",
    "platform",
    "account",  # the shop's own, by its handle
    "author",
    "author_handle",
    "vip",  # yes or no
    "message",  # the platform's own id of the message
    "kind",
    "written_at",
    "permalink",
    "language",  # the verdict in force: the model's, as people corrected it
    "sentiment",
    "complaint",  # yes, no, unsure
    "urgent",
    "intents",
    "text",
)

_CHUNK = 200
# Also what a spreadsheet folds to one of these: full-width forms, and behind leading blanks.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def export() -> ResponseReturnValue:
    """The list of the address as a file to download."""
    wanted = read(request.args)
    return Response(
        _lines(desk().store, wanted, me().id),
        mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="shenava-inbox.csv"'},
    )


def _lines(store: Store, wanted: Wanted, reader: int) -> Iterator[bytes]:
    """The file in pieces. A piece is read by itself, so that a slow download holds nothing up."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(COLUMNS)
    seen: set[int] = set()
    place: queries.Cursor | None = None
    while True:
        with store.read() as session:
            page = queries.in_turn(session, wanted, reader, place, _CHUNK)
            ids = [hit.case_id for hit in page.hits if hit.case_id not in seen]
            if wanted.is_search:
                seen.update(ids)
            for line in _cases(session, ids):
                writer.writerow([safe(cell) for cell in line])
        yield buffer.getvalue().encode("utf-8", "replace")
        buffer.seek(0)
        buffer.truncate()
        if page.next is None:
            return
        place = page.next


def safe(cell: str) -> str:
    """``cell`` so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA) else cell


def _cases(session: Session, ids: Sequence[int]) -> Iterator[list[str]]:
    """The lines of these cases, each case's messages by time."""
    found = {row.Case.id: row for row in session.execute(_question(ids))}
    messages: dict[int, list[Message]] = defaultdict(list)
    for message in session.scalars(
        select(Message)
        .where(Message.case_id.in_(ids))
        .order_by(Message.case_id, Message.written_at, Message.id)
    ):
        messages[message.case_id].append(message)
    held = held_verdicts(session, (one.id for group in messages.values() for one in group))
    for key in ids:
        if key not in found:
            continue
        of_case = _of_case(found[key])
        for message in messages[key]:
            yield of_case + _of_message(message, held.get(message.id))
        if not messages[key]:  # reopened, and nothing was written since
            yield of_case + [""] * (len(COLUMNS) - len(of_case))


def _question(ids: Iterable[int]) -> Any:
    return (
        select(
            Case,
            Account.platform,
            Account.handle.label("account"),
            Identity.name.label("author"),
            Identity.handle.label("author_handle"),
            Customer.vip,
            User.name.label("assignee"),
        )
        .join(Account, Account.id == Case.account_id)
        .join(Identity, Identity.id == Case.identity_id)
        .outerjoin(Customer, Customer.id == Identity.customer_id)
        .outerjoin(User, User.id == Case.assignee_id)
        .where(Case.id.in_(list(ids)))
    )


def _of_case(row: Any) -> list[str]:
    case: Case = row.Case
    return [
        str(case.id),
        case.state.value,
        str(case.priority),
        " ".join(str(reason.get("code", "")) for reason in case.reasons),
        row.assignee or "",
        _time(case.opened_at),
        _time(case.waiting_since),
        _time(case.due_at),
        _time(case.closed_at),
        row.platform.value,
        row.account,
        row.author or "",
        row.author_handle or "",
        "yes" if row.vip else "no",
    ]


def _of_message(message: Message, held: Any) -> list[str]:
    verdict = ["", "", "", "", ""]
    if held is not None:
        verdict = [
            held.language.value,
            held.sentiment.value,
            _answer(held.complaint),
            _answer(held.urgent),
            " ".join(intent.value for intent in held.intents),
        ]
    return [
        message.native_key,
        message.kind.value,
        _time(message.written_at),
        message.permalink or "",
        *verdict,
        message.text,
    ]


def _answer(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "unsure"}[value]


def _time(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""
