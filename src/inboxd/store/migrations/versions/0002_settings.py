"""Personal settings, deleting and archiving here, and where contacts are pulled from."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

_STATEMENTS = (
    """
    CREATE TABLE owner_setting (
        owner_id TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (owner_id, name),
        FOREIGN KEY(owner_id) REFERENCES owner (id) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID
    """,
    """
    INSERT INTO owner_setting
    SELECT id, 'time_zone', json_quote(time_zone) FROM owner WHERE time_zone <> 'UTC'
    """,
    """
    INSERT INTO owner_setting
    SELECT id, 'visibility', json_quote(visibility) FROM owner WHERE visibility <> 'private'
    """,
    "ALTER TABLE owner DROP COLUMN time_zone",
    "ALTER TABLE owner DROP COLUMN visibility",
    "ALTER TABLE message ADD COLUMN deleted_at INTEGER",
    "ALTER TABLE message ADD COLUMN archived_at INTEGER",
    "CREATE INDEX message_recent ON message (internal_date)",
    "CREATE INDEX message_gone ON message (account_id, gone_at) WHERE gone_at IS NOT NULL",
    """
    CREATE TABLE mirror (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        account_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        action TEXT NOT NULL,
        wished_at INTEGER NOT NULL,
        attempts INTEGER DEFAULT '0' NOT NULL,
        trouble TEXT DEFAULT '' NOT NULL,
        CHECK (action IN ('delete', 'archive')),
        FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE,
        FOREIGN KEY(message_id) REFERENCES message (id) ON DELETE CASCADE
    ) STRICT
    """,
    "CREATE INDEX mirror_of_account ON mirror (account_id)",
    "CREATE UNIQUE INDEX mirror_of_message ON mirror (message_id, action)",
    """
    CREATE TABLE contact_source (
        name TEXT NOT NULL,
        url TEXT NOT NULL,
        sealed_token BLOB,
        set_at INTEGER NOT NULL,
        pulled_at INTEGER,
        trouble TEXT DEFAULT '' NOT NULL,
        PRIMARY KEY (name)
    ) STRICT
    """,
)


def upgrade() -> None:
    """Move two columns of the owner to the settings; the rest is new."""
    for statement in _STATEMENTS:
        op.execute(statement)
