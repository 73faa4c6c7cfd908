"""Search over messages: an FTS5 table kept by triggers, or a GIN index on PostgreSQL.

Messages that are there already become searchable too.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The table holds no second copy of the text: it reads messages.search_text where it needs it.
# The words come ready made and joined by blanks: "ascii" parts them there and nowhere else, while
# "unicode61" would part them by its own tables too, which differ from Python's.
_SQLITE = (
    """
    CREATE VIRTUAL TABLE message_search USING fts5(
        search_text, content='messages', content_rowid='id', prefix='1 2',
        tokenize="ascii"
    )
    """,
    """
    CREATE TRIGGER messages_search_insert AFTER INSERT ON messages BEGIN
        INSERT INTO message_search(rowid, search_text) VALUES (new.id, new.search_text);
    END
    """,
    """
    CREATE TRIGGER messages_search_delete AFTER DELETE ON messages BEGIN
        INSERT INTO message_search(message_search, rowid, search_text)
        VALUES ('delete', old.id, old.search_text);
    END
    """,
    """
    CREATE TRIGGER messages_search_update AFTER UPDATE OF search_text ON messages BEGIN
        INSERT INTO message_search(message_search, rowid, search_text)
        VALUES ('delete', old.id, old.search_text);
        INSERT INTO message_search(rowid, search_text) VALUES (new.id, new.search_text);
    END
    """,
    "INSERT INTO message_search(message_search) VALUES ('rebuild')",
)

_POSTGRESQL = (
    """
    CREATE INDEX ix_messages_search ON messages
    USING gin (array_to_tsvector(string_to_array(search_text, ' ')))
    """,
)


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    for statement in _SQLITE if dialect == "sqlite" else _POSTGRESQL:
        op.execute(statement)
