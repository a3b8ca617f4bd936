"""The schema, as SQLAlchemy Core tables.

Rules: STRICT, NOT NULL wherever a value always exists, AUTOINCREMENT for every id that anything
outside the table remembers (a reused id would show one person another's mail), and no column
changes its meaning: it is replaced by a new one in a migration.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from inboxd.store.columns import Json, Time

HEAD = "0003"
"""The newest migration: what a database made from these tables is stamped with."""

metadata = MetaData()


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def _needed(name: str, kind: Any, *rest: Any, **more: Any) -> Column[Any]:  # noqa: ANN401 - as Column
    return Column(name, kind, *rest, nullable=False, **more)


def _belongs_to(name: str, target: str) -> Column[int]:
    return Column(name, Integer, ForeignKey(target, ondelete="CASCADE"), nullable=False)


NUMBERED: dict[str, Any] = {"sqlite_autoincrement": True, "sqlite_strict": True}
CLUSTERED: dict[str, Any] = {"sqlite_with_rowid": False, "sqlite_strict": True}
PLAIN: dict[str, Any] = {"sqlite_strict": True}

# --- people and their accounts -------------------------------------------------------------------

owner = Table(
    "owner",
    metadata,
    Column("id", Text, primary_key=True, nullable=False),
    **PLAIN,
)

# One row for each setting that differs from its default, so that a new setting needs no column
# and a changed default reaches everybody who never chose.
owner_setting = Table(
    "owner_setting",
    metadata,
    Column("owner_id", Text, ForeignKey("owner.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    _needed("value", Json),
    **CLUSTERED,
)

account = Table(
    "account",
    metadata,
    _id(),
    _needed("owner_id", Text, ForeignKey("owner.id")),
    _needed("address", Text),
    _needed("address_key", Text),
    _needed("username", Text),
    _needed("mechanism", Text),
    Column("secret", LargeBinary),  # sealed; none where a command gives the password
    Column("password_command", Json),
    _needed("imap_host", Text),
    _needed("imap_port", Integer),
    _needed("imap_security", Text),
    Column("smtp_host", Text),
    Column("smtp_port", Integer),
    Column("smtp_security", Text),
    Column("since", Text),
    Column("history", Text),
    _needed("labels", Json),
    _needed("track_opens", Integer, server_default="0"),
    _needed("track_links", Integer, server_default="0"),
    _needed("paused", Integer, server_default="0"),
    _needed("phase", Text),
    Column("trouble", Json),
    _needed("server_word", Text, server_default=""),
    _needed("created_at", Time),
    Column("synced_at", Time),
    Column("removed_at", Time),
    **NUMBERED,
)
Index("account_of_owner", account.c.owner_id, account.c.address_key, unique=True)
Index("account_by_address", account.c.address_key)

condition_change = Table(
    "condition_change",
    metadata,
    _id(),
    _belongs_to("account_id", "account.id"),
    _needed("at", Time),
    _needed("caller", Text),
    _needed("before", Json),
    _needed("after", Json),
    _needed("sentences", Json),
    _needed("undone", Integer, server_default="0"),
    **NUMBERED,
)
Index("condition_change_of_account", condition_change.c.account_id)

# --- folders and what is in scope of them --------------------------------------------------------

folder = Table(
    "folder",
    metadata,
    _id(),
    _belongs_to("account_id", "account.id"),
    _needed("wire_name", LargeBinary),
    _needed("name", Text),
    _needed("separator", Text),
    Column("special_use", Text),
    _needed("selectable", Integer),
    _needed("listed", Integer, server_default="1"),  # still on the server at the last listing
    Column("uidvalidity", Integer),
    Column("uidnext", Integer),  # as last seen, watched or not
    Column("messages", Integer),
    Column("next_uid", Integer),  # the live cursor; none while the folder is not watched
    Column("settled_change", Integer),  # the newest change of labels that its mail went by
    _needed("labelled", Integer, server_default="0"),  # Gmail's All Mail
    Column("modseq", Integer),  # labels are known up to here (RFC 7162)
    **NUMBERED,
)
Index("folder_of_account", folder.c.account_id, folder.c.wire_name, unique=True)

span = Table(
    "span",
    metadata,
    _id(),
    _belongs_to("folder_id", "folder.id"),
    _needed("uidvalidity", Integer),
    _needed("live", Integer),  # the live cursor's; else a history run's
    _needed("first_uid", Integer),
    Column("last_uid", Integer),  # none: open, the folder is being watched
    **NUMBERED,
)
Index("span_of_folder", span.c.folder_id, span.c.uidvalidity)

run = Table(
    "run",
    metadata,
    _id(),
    _belongs_to("account_id", "account.id"),
    _needed("kind", Text),  # first or resync
    _needed("since", Text),
    _needed("start_at", Time),
    _needed("history", Text),
    _needed("labels", Json),
    _needed("pressed_at", Time),
    Column("planned_at", Time),  # its folders and their frozen ranges are known
    Column("finished_at", Time),
    CheckConstraint("kind IN ('first', 'resync')"),
    CheckConstraint("history IN ('everyone', 'contacts')"),
    **NUMBERED,
)
Index("run_of_account", run.c.account_id)

run_folder = Table(
    "run_folder",
    metadata,
    Column("run_id", Integer, ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("folder_id", Integer, ForeignKey("folder.id", ondelete="CASCADE"), primary_key=True),
    _needed("position", Integer),
    _needed("uidvalidity", Integer),
    _needed("first_uid", Integer),
    _needed("below_uid", Integer),  # the frozen end: every UID of the range is smaller
    _needed("cursor_uid", Integer),  # every UID from here to below_uid is decided
    _needed("total", Integer),
    _needed("done", Integer, server_default="0"),
    _needed("stored", Integer, server_default="0"),
    _needed("bytes", Integer, server_default="0"),
    Column("finished_at", Time),
    **CLUSTERED,
)

# --- messages ------------------------------------------------------------------------------------

message = Table(
    "message",
    metadata,
    _id(),
    _belongs_to("account_id", "account.id"),
    _needed("sha256", LargeBinary),
    _needed("size", Integer),
    _needed("internal_date", Time),
    Column("date", Time),
    _needed("subject", Text),
    _needed("message_id", Text),
    _needed("thread_id", Integer),
    _needed("people", Json),  # {"from": [[name, address], …], …}
    _needed("snippet", Text),
    _needed("attachments", Integer),
    _needed("visibility", Text),
    _needed("historical", Integer),
    _needed("problems", Json),
    _needed("stored_at", Time),
    Column("gone_at", Time),  # nowhere on the server any more
    Column("deleted_at", Time),  # deleted here; it may still lie on the server (P23)
    Column("archived_at", Time),  # archived here
    **NUMBERED,
)
Index("message_content", message.c.account_id, message.c.sha256, unique=True)
Index("message_by_date", message.c.account_id, message.c.internal_date)
Index("message_recent", message.c.internal_date)  # lists over all accounts
Index("message_by_thread", message.c.thread_id)
Index(
    "message_gone",
    message.c.account_id,
    message.c.gone_at,
    sqlite_where=message.c.gone_at.is_not(None),
)

raw = Table(
    "raw",
    metadata,
    Column("message_id", Integer, ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    _needed("zstd", LargeBinary),
    **PLAIN,
)

message_text = Table(
    "message_text",
    metadata,
    Column("message_id", Integer, ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    _needed("subject", Text),
    _needed("people", Text),
    _needed("body", Text),
    **PLAIN,
)

message_address = Table(
    "message_address",
    metadata,
    Column("message_id", Integer, ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    Column("address_key", Text, primary_key=True),
    **CLUSTERED,
)
Index("message_by_address", message_address.c.address_key, message_address.c.message_id)

# Gmail's labels of a message; elsewhere its labels are the folders of its placements.
message_label = Table(
    "message_label",
    metadata,
    Column("message_id", Integer, ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    **CLUSTERED,
)
Index("message_by_label", message_label.c.name, message_label.c.message_id)

thread_reference = Table(
    "thread_reference",
    metadata,
    Column("account_id", Integer, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("reference", LargeBinary, primary_key=True),  # 16 bytes of BLAKE2b of a Message-ID
    _needed("thread_id", Integer),
    **CLUSTERED,
)
Index("thread_reference_by_thread", thread_reference.c.thread_id)

# One row for every UID in scope, so that it has exactly one outcome by its primary key. A row
# with a message is that message's placement: two tables could disagree, one cannot.
ledger = Table(
    "ledger",
    metadata,
    Column("folder_id", Integer, ForeignKey("folder.id", ondelete="CASCADE"), primary_key=True),
    Column("uidvalidity", Integer, primary_key=True),
    Column("uid", Integer, primary_key=True),
    _needed("outcome", Text),
    Column("reason", Text),
    Column("message_id", Integer, ForeignKey("message.id", ondelete="CASCADE")),
    Column("gone_at", Time),  # no longer on the server
    CheckConstraint("outcome IN ('stored', 'skipped', 'quarantined')"),
    CheckConstraint("(outcome = 'stored') = (message_id IS NOT NULL)"),
    **CLUSTERED,
)
Index(
    "ledger_of_message",
    ledger.c.message_id,
    sqlite_where=ledger.c.message_id.is_not(None),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("folder_id", Integer, ForeignKey("folder.id", ondelete="CASCADE"), primary_key=True),
    Column("uidvalidity", Integer, primary_key=True),
    Column("uid", Integer, primary_key=True),
    _needed("error", Text),
    Column("zstd", LargeBinary),  # the raw bytes, where the server gave them
    _needed("attempts", Integer),
    _needed("first_at", Time),
    _needed("last_at", Time),
    **CLUSTERED,
)

# What was deleted or archived here and is still to be done on the server (P23).
mirror = Table(
    "mirror",
    metadata,
    _id(),
    _belongs_to("account_id", "account.id"),
    _belongs_to("message_id", "message.id"),
    _needed("action", Text),
    _needed("wished_at", Time),
    _needed("attempts", Integer, server_default="0"),
    _needed("trouble", Text, server_default=""),
    CheckConstraint("action IN ('delete', 'archive')"),
    **NUMBERED,
)
Index("mirror_of_account", mirror.c.account_id)
Index("mirror_of_message", mirror.c.message_id, mirror.c.action, unique=True)

# --- contacts ------------------------------------------------------------------------------------

contact = Table(
    "contact",
    metadata,
    _id(),
    _needed("name", Text),
    _needed("added_at", Time),
    Column("removed_at", Time),
    **NUMBERED,
)

# Addresses carry their own times, so that "the contacts of the moment of Sync" (P6) is a
# condition on two columns and needs no copy of the table per history.
contact_address = Table(
    "contact_address",
    metadata,
    Column("contact_id", Integer, ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True),
    Column("address_key", Text, primary_key=True),
    _needed("address", Text),
    _needed("added_at", Time),
    Column("removed_at", Time),
    **CLUSTERED,
)
Index("contact_by_address", contact_address.c.address_key)

contact_source = Table(
    "contact_source",
    metadata,
    Column("name", Text, primary_key=True, nullable=False),
    _needed("url", Text),
    Column("sealed_token", LargeBinary),
    _needed("set_at", Time),
    Column("pulled_at", Time),
    _needed("trouble", Text, server_default=""),
    **PLAIN,
)

# --- events --------------------------------------------------------------------------------------

event = Table(
    "event",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    _needed("type", Text),
    _needed("time", Time),
    Column("account_id", Integer),  # outlives its account
    _needed("historical", Integer),
    _needed("data", Json),
    **PLAIN,
)

FULL_TEXT = text(
    "CREATE VIRTUAL TABLE message_fts USING fts5(subject, people, body, content='message_text', "
    "content_rowid='message_id', tokenize='unicode61 remove_diacritics 2')"
)
"""External content: the text is kept once, in `message_text`; FTS5 3.40 (Debian 12) has it."""
