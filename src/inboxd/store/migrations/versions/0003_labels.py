"""Which change of labels a folder has taken in, and the labels that Gmail gives each message."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    "ALTER TABLE folder ADD COLUMN settled_change INTEGER",
    "ALTER TABLE folder ADD COLUMN labelled INTEGER DEFAULT '0' NOT NULL",
    "ALTER TABLE folder ADD COLUMN modseq INTEGER",
    """
    UPDATE folder SET settled_change =
    (SELECT max(id) FROM condition_change WHERE account_id = folder.account_id)
    """,
    "UPDATE ledger SET reason = 'not_chosen' WHERE reason = 'before_chosen'",
    """
    CREATE TABLE message_label (
        message_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (message_id, name),
        FOREIGN KEY(message_id) REFERENCES message (id) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX message_by_label ON message_label (name, message_id)",
)


def upgrade() -> None:
    """Changes of labels so far count as taken in: nobody waits for their mail any more."""
    for statement in _STATEMENTS:
        op.execute(statement)
