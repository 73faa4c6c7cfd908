"""For platforms beside X: private replies, taking away, and what messages are beside words."""

from alembic import op

from shenava.store.migrations.rebuilding import change_checks

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_DEEDS = "'answer', 'post', 'dm', 'private_reply', 'hide', 'delete'"
_ABOUT = "'story_mention', 'story_reply', 'shared_post', 'like', 'unsent', 'unsupported'"


def upgrade() -> None:
    change_checks(
        "outbox",
        {
            "ck_outbox_deed": f"deed IN ({_DEEDS})",
            "ck_outbox_to_key": "deed IN ('post', 'dm') OR to_key IS NOT NULL",
        },
    )
    # SQLite adds a column together with its CHECK in one statement, without copying the table.
    op.execute(
        "ALTER TABLE messages ADD COLUMN about VARCHAR(40)"
        f" CONSTRAINT ck_messages_about CHECK (about IN ({_ABOUT}))"
    )
    op.execute("ALTER TABLE messages ADD COLUMN about_url TEXT")
