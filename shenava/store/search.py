"""Search over messages, with one meaning on both databases.

A query is split into normalised words; a message is found when it has every one of them, the
last as a beginning ("پرداخ" finds «پرداخت»). The words are made by ``shenava.text``, not by the
databases: SQLite's FTS5 and PostgreSQL's tsvector are handed them ready made. Newest first, by
the number of the row, which both can read in order without sorting all that was found.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, Select, cast, literal_column, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from shenava.store.messages import Message
from shenava.text import search_tokens

# The expression that the PostgreSQL index is made of; a query must repeat it to the letter.
PG_VECTOR = "array_to_tsvector(string_to_array(search_text, ' '))"


def matching_messages(session: Session, query: str) -> Select[int] | None:
    """The ids of the messages that ``query`` finds, unordered; ``None`` when it has no word."""
    words = search_tokens(query)
    if not words:
        return None
    if session.get_bind().dialect.name == "sqlite":
        match = " AND ".join(f'"{word}"' for word in words) + " *"
        rowid = literal_column("message_search.rowid", BigInteger)
        return (
            select(rowid.label("id"))
            .select_from(text("message_search"))
            .where(text("message_search MATCH :match").bindparams(match=match))
        )
    return select(Message.id).where(_pg_matches(words))


def _pg_matches(words: list[str]) -> ColumnElement[bool]:
    # Quoted words hold letters and digits only (search_tokens), so nothing needs escaping.
    tsquery = " & ".join(f"'{word}'" for word in words) + ":*"
    vector: ColumnElement[str] = literal_column(
        PG_VECTOR.replace("search_text", "messages.search_text"), postgresql.TSVECTOR
    )
    return vector.op("@@")(cast(tsquery, postgresql.TSQUERY))
