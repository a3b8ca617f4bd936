"""The first schema, spelled out: a migration never follows later changes of the tables."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

_STATEMENTS = (
    """
    CREATE TABLE contact (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        added_at INTEGER NOT NULL,
        removed_at INTEGER
    )
     STRICT
    """,
    """
    CREATE TABLE event (
        seq INTEGER NOT NULL,
        type TEXT NOT NULL,
        time INTEGER NOT NULL,
        account_id INTEGER,
        historical INTEGER NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (seq)
    )
     STRICT
    """,
    """
    CREATE TABLE owner (
        id TEXT NOT NULL,
        time_zone TEXT DEFAULT 'UTC' NOT NULL,
        visibility TEXT DEFAULT 'private' NOT NULL,
        PRIMARY KEY (id)
    )
     STRICT
    """,
    """
    CREATE TABLE account (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        owner_id TEXT NOT NULL,
        address TEXT NOT NULL,
        address_key TEXT NOT NULL,
        username TEXT NOT NULL,
        mechanism TEXT NOT NULL,
        secret BLOB,
        password_command TEXT,
        imap_host TEXT NOT NULL,
        imap_port INTEGER NOT NULL,
        imap_security TEXT NOT NULL,
        smtp_host TEXT,
        smtp_port INTEGER,
        smtp_security TEXT,
        since TEXT,
        history TEXT,
        labels TEXT NOT NULL,
        track_opens INTEGER DEFAULT '0' NOT NULL,
        track_links INTEGER DEFAULT '0' NOT NULL,
        paused INTEGER DEFAULT '0' NOT NULL,
        phase TEXT NOT NULL,
        trouble TEXT,
        server_word TEXT DEFAULT '' NOT NULL,
        created_at INTEGER NOT NULL,
        synced_at INTEGER,
        removed_at INTEGER,
        FOREIGN KEY(owner_id) REFERENCES owner (id)
    )
     STRICT
    """,
    """
    CREATE INDEX account_by_address ON account (address_key)
    """,
    """
    CREATE UNIQUE INDEX account_of_owner ON account (owner_id, address_key)
    """,
    """
    CREATE TABLE contact_address (
        contact_id INTEGER NOT NULL,
        address_key TEXT NOT NULL,
        address TEXT NOT NULL,
        added_at INTEGER NOT NULL,
        removed_at INTEGER,
        PRIMARY KEY (contact_id, address_key),
        FOREIGN KEY(contact_id) REFERENCES contact (id) ON DELETE CASCADE
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX contact_by_address ON contact_address (address_key)
    """,
    """
    CREATE TABLE condition_change (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        account_id INTEGER NOT NULL,
        at INTEGER NOT NULL,
        caller TEXT NOT NULL,
        "before" TEXT NOT NULL,
        "after" TEXT NOT NULL,
        sentences TEXT NOT NULL,
        undone INTEGER DEFAULT '0' NOT NULL,
        FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
    )
     STRICT
    """,
    """
    CREATE INDEX condition_change_of_account ON condition_change (account_id)
    """,
    """
    CREATE TABLE folder (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        account_id INTEGER NOT NULL,
        wire_name BLOB NOT NULL,
        name TEXT NOT NULL,
        separator TEXT NOT NULL,
        special_use TEXT,
        selectable INTEGER NOT NULL,
        listed INTEGER DEFAULT '1' NOT NULL,
        uidvalidity INTEGER,
        uidnext INTEGER,
        messages INTEGER,
        next_uid INTEGER,
        FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
    )
     STRICT
    """,
    """
    CREATE UNIQUE INDEX folder_of_account ON folder (account_id, wire_name)
    """,
    """
    CREATE TABLE message (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        account_id INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        size INTEGER NOT NULL,
        internal_date INTEGER NOT NULL,
        date INTEGER,
        subject TEXT NOT NULL,
        message_id TEXT NOT NULL,
        thread_id INTEGER NOT NULL,
        people TEXT NOT NULL,
        snippet TEXT NOT NULL,
        attachments INTEGER NOT NULL,
        visibility TEXT NOT NULL,
        historical INTEGER NOT NULL,
        problems TEXT NOT NULL,
        stored_at INTEGER NOT NULL,
        gone_at INTEGER,
        FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
    )
     STRICT
    """,
    """
    CREATE INDEX message_by_date ON message (account_id, internal_date)
    """,
    """
    CREATE INDEX message_by_thread ON message (thread_id)
    """,
    """
    CREATE UNIQUE INDEX message_content ON message (account_id, sha256)
    """,
    """
    CREATE TABLE run (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        account_id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        since TEXT NOT NULL,
        start_at INTEGER NOT NULL,
        history TEXT NOT NULL,
        labels TEXT NOT NULL,
        pressed_at INTEGER NOT NULL,
        planned_at INTEGER,
        finished_at INTEGER,
        CHECK (kind IN ('first', 'resync')),
        CHECK (history IN ('everyone', 'contacts')),
        FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
    )
     STRICT
    """,
    """
    CREATE INDEX run_of_account ON run (account_id)
    """,
    """
    CREATE TABLE thread_reference (
        account_id INTEGER NOT NULL,
        reference BLOB NOT NULL,
        thread_id INTEGER NOT NULL,
        PRIMARY KEY (account_id, reference),
        FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX thread_reference_by_thread ON thread_reference (thread_id)
    """,
    """
    CREATE TABLE ledger (
        folder_id INTEGER NOT NULL,
        uidvalidity INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        reason TEXT,
        message_id INTEGER,
        gone_at INTEGER,
        PRIMARY KEY (folder_id, uidvalidity, uid),
        CHECK (outcome IN ('stored', 'skipped', 'quarantined')),
        CHECK ((outcome = 'stored') = (message_id IS NOT NULL)),
        FOREIGN KEY(folder_id) REFERENCES folder (id) ON DELETE CASCADE,
        FOREIGN KEY(message_id) REFERENCES message (id) ON DELETE CASCADE
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX ledger_of_message ON ledger (message_id) WHERE message_id IS NOT NULL
    """,
    """
    CREATE TABLE message_address (
        message_id INTEGER NOT NULL,
        address_key TEXT NOT NULL,
        PRIMARY KEY (message_id, address_key),
        FOREIGN KEY(message_id) REFERENCES message (id) ON DELETE CASCADE
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE INDEX message_by_address ON message_address (address_key, message_id)
    """,
    """
    CREATE TABLE message_text (
        message_id INTEGER NOT NULL,
        subject TEXT NOT NULL,
        people TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (message_id),
        FOREIGN KEY(message_id) REFERENCES message (id) ON DELETE CASCADE
    )
     STRICT
    """,
    """
    CREATE TABLE quarantine (
        folder_id INTEGER NOT NULL,
        uidvalidity INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        error TEXT NOT NULL,
        zstd BLOB,
        attempts INTEGER NOT NULL,
        first_at INTEGER NOT NULL,
        last_at INTEGER NOT NULL,
        PRIMARY KEY (folder_id, uidvalidity, uid),
        FOREIGN KEY(folder_id) REFERENCES folder (id) ON DELETE CASCADE
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE raw (
        message_id INTEGER NOT NULL,
        zstd BLOB NOT NULL,
        PRIMARY KEY (message_id),
        FOREIGN KEY(message_id) REFERENCES message (id) ON DELETE CASCADE
    )
     STRICT
    """,
    """
    CREATE TABLE run_folder (
        run_id INTEGER NOT NULL,
        folder_id INTEGER NOT NULL,
        position INTEGER NOT NULL,
        uidvalidity INTEGER NOT NULL,
        first_uid INTEGER NOT NULL,
        below_uid INTEGER NOT NULL,
        cursor_uid INTEGER NOT NULL,
        total INTEGER NOT NULL,
        done INTEGER DEFAULT '0' NOT NULL,
        stored INTEGER DEFAULT '0' NOT NULL,
        bytes INTEGER DEFAULT '0' NOT NULL,
        finished_at INTEGER,
        PRIMARY KEY (run_id, folder_id),
        FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE,
        FOREIGN KEY(folder_id) REFERENCES folder (id) ON DELETE CASCADE
    )
     WITHOUT ROWID,
     STRICT
    """,
    """
    CREATE TABLE span (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        folder_id INTEGER NOT NULL,
        uidvalidity INTEGER NOT NULL,
        live INTEGER NOT NULL,
        first_uid INTEGER NOT NULL,
        last_uid INTEGER,
        FOREIGN KEY(folder_id) REFERENCES folder (id) ON DELETE CASCADE
    )
     STRICT
    """,
    """
    CREATE INDEX span_of_folder ON span (folder_id, uidvalidity)
    """,
    """
    CREATE VIRTUAL TABLE message_fts USING fts5(
        subject, people, body, content='message_text', content_rowid='message_id',
        tokenize='unicode61 remove_diacritics 2'
    )
    """,
)


def upgrade() -> None:
    """Make every table of the first schema."""
    for statement in _STATEMENTS:
        op.execute(statement)
