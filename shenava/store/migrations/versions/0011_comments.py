"""Comments under own posts as a source of their own."""

from shenava.store.migrations.rebuilding import change_checks

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_SOURCES = "'mention', 'comment', 'search', 'inbox', 'own', 'webhook', 'import'"


def upgrade() -> None:
    for table in ("feeds", "sightings"):
        change_checks(table, {f"ck_{table}_source": f"source IN ({_SOURCES})"})
