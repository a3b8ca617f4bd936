"""Storing messages: contents once, their text, people, thread and event, in the caller's unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, text, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inboxd.model.events import EventType
from inboxd.model.ids import (
    AccountId,
    AddressKey,
    FolderId,
    FolderName,
    MessageId,
    Uid,
    UidValidity,
)
from inboxd.model.settings import Blocks
from inboxd.store import labels, ledger, tables, threads
from inboxd.store.database import Unit
from inboxd.store.prepared import Prepared

People = dict[str, list[list[str]]]
"""Header field -> [[name, address], …]: how people are kept in `message.people`."""


@dataclass(frozen=True, slots=True)
class Content:
    """One message ready to be stored: everything that takes thought is done (`sync.intake`)."""

    sha256: bytes
    """Of the bytes the server gave as BODY[]."""
    size: int
    internal_date: datetime
    zstd: bytes
    date: datetime | None
    subject: str
    message_id: str
    references: tuple[bytes, ...]
    """Digests (`threads.digest`) of its own Message-ID and all it refers to."""
    people: People
    sender_keys: frozenset[AddressKey]
    """Of From, or of Sender where From holds none."""
    address_keys: frozenset[AddressKey]
    people_text: str
    snippet: str
    body: str
    attachments: int
    problems: tuple[str, ...]
    labels: frozenset[str] = frozenset()
    """What its server says that it carries (Gmail)."""


@dataclass(frozen=True, slots=True)
class Place:
    """The folder that a batch comes from, and how what comes from it is marked."""

    account: AccountId
    folder: FolderId
    name: FolderName
    uidvalidity: UidValidity
    visibility: str
    historical: bool
    blocks: Blocks = field(default_factory=Blocks)
    """Whose mail is left out (P22)."""
    labelled: bool = False
    """Its messages carry their labels (Gmail)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch brought."""

    new: int
    """Messages not stored before."""
    size: int
    """Their bytes."""


_table = tables.message
_LATER = frozenset({"gone_at", "deleted_at", "archived_at"})
"""Columns that no new message has."""

_KNOWN = Prepared(
    select(_table.c.sha256, _table.c.id).where(
        _table.c.account_id == bindparam("account"),
        _table.c.sha256.in_(bindparam("hashes", expanding=True)),
    )
)
_NEWEST_ID = Prepared(
    text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'message'")
)
_INSERT_MESSAGE = Prepared(
    insert(_table), [column.name for column in _table.columns if column.name not in _LATER]
)
_INSERT_RAW = Prepared(insert(tables.raw))
_INSERT_TEXT = Prepared(insert(tables.message_text))
# All in one statement: FTS5 writes a segment whenever a statement begins that could be undone
# (one that inserts many rows), and each segment is merged with others later.
_INSERT_INDEX = Prepared(
    text(
        "INSERT INTO message_fts (rowid, subject, people, body) "
        "SELECT message_id, subject, people, body FROM message_text "
        "WHERE message_id BETWEEN :first AND :last"
    )
)
_INSERT_ADDRESS = Prepared(upsert(tables.message_address).on_conflict_do_nothing())


def store(
    unit: Unit,
    place: Place,
    arrivals: Sequence[tuple[Uid, Content]],
    *,
    seen_at: float | None = None,
) -> Stored:
    """Store a batch: contents, placements, ledger rows, contact keys, threads and events (P14).

    Repeating it changes nothing and announces nothing. A content that is stored already gets one
    more placement. `seen_at` (monotonic seconds) is when the server's word of it came in; the
    event then carries `latency_ms` up to now.
    """
    done = ledger.stored_among(
        unit.connection, place.folder, place.uidvalidity, [uid for uid, _ in arrivals]
    )
    arrivals = [pair for pair in arrivals if pair[0] not in done]
    known = _known(unit.connection, place.account, [one.sha256 for _, one in arrivals])
    arrivals = _unblocked(unit, place, arrivals, known)
    if not arrivals:
        return Stored(0, 0)
    following = _next_id(unit.connection)
    fresh: dict[bytes, tuple[MessageId, Content]] = {}
    placements: list[tuple[Uid, MessageId]] = []
    again: set[MessageId] = set()
    for uid, content in arrivals:
        message = known.get(content.sha256)
        if message is None:
            message = MessageId(following + len(fresh))
            known[content.sha256] = message
            fresh[content.sha256] = (message, content)
        elif content.sha256 not in fresh:
            again.add(message)
        placements.append((uid, message))
    _insert(unit, place, list(fresh.values()))
    ledger.place(unit, place.folder, place.uidvalidity, placements)
    if place.labelled:
        carried = {uid: content.labels for uid, content in arrivals}
        labels.put(unit, place.account, {message: carried[uid] for uid, message in placements})
    _announce(unit, place, list(fresh.values()), again, seen_at)
    return Stored(len(fresh), sum(content.size for _, content in fresh.values()))


def _unblocked(
    unit: Unit,
    place: Place,
    arrivals: Sequence[tuple[Uid, Content]],
    known: Mapping[bytes, MessageId],
) -> list[tuple[Uid, Content]]:
    """What is left once the mail of blocked senders is skipped (P22).

    What is stored already stays: a block is for future mail, and a move is no new mail.
    """
    blocked = {
        uid
        for uid, content in arrivals
        if content.sha256 not in known
        and place.blocks.stop(content.sender_keys, content.address_keys)
    }
    ledger.skip(
        unit, place.folder, place.uidvalidity, [(uid, ledger.Reason.BLOCKED) for uid in blocked]
    )
    return [pair for pair in arrivals if pair[0] not in blocked]


def _known(
    connection: Connection, account: AccountId, hashes: Sequence[bytes]
) -> dict[bytes, MessageId]:
    rows = _KNOWN.among(connection, {"account": account}, hashes)
    return {sha256: MessageId(message) for sha256, message in rows}


def _next_id(connection: Connection) -> int:
    # The one writer may count for itself, so that all rows of a batch go in with executemany;
    # asking the database back for each id would take a round trip a message.
    ((newest,),) = _NEWEST_ID.rows(connection, {})
    return int(newest) + 1


def _insert(unit: Unit, place: Place, fresh: Sequence[tuple[MessageId, Content]]) -> None:
    if not fresh:
        return
    thread_of = threads.assign(
        unit, place.account, [(message, content.references) for message, content in fresh]
    )
    now = unit.clock.now()
    _INSERT_MESSAGE.each(
        unit.connection,
        [
            {
                "id": message,
                "account_id": place.account,
                "sha256": content.sha256,
                "size": content.size,
                "internal_date": content.internal_date,
                "date": content.date,
                "subject": content.subject,
                "message_id": content.message_id,
                "thread_id": thread_of[message],
                "people": content.people,
                "snippet": content.snippet,
                "attachments": content.attachments,
                "visibility": place.visibility,
                "historical": int(place.historical),
                "problems": list(content.problems),
                "stored_at": now,
            }
            for message, content in fresh
        ],
    )
    _INSERT_RAW.each(
        unit.connection,
        [{"message_id": message, "zstd": content.zstd} for message, content in fresh],
    )
    _INSERT_TEXT.each(
        unit.connection,
        [
            {
                "message_id": message,
                "subject": content.subject,
                "people": content.people_text,
                "body": content.body,
            }
            for message, content in fresh
        ],
    )
    _INSERT_INDEX.each(unit.connection, [{"first": fresh[0][0], "last": fresh[-1][0]}])
    _INSERT_ADDRESS.each(
        unit.connection,
        [
            {"message_id": message, "address_key": key}
            for message, content in fresh
            for key in sorted(content.address_keys)
        ],
    )


def _announce(
    unit: Unit,
    place: Place,
    fresh: Sequence[tuple[MessageId, Content]],
    again: set[MessageId],
    seen_at: float | None,
) -> None:
    for message, content in fresh:
        data = {
            "id": message,
            "subject": content.subject,
            "internal_date": content.internal_date.isoformat(),
            "sha256": content.sha256.hex(),
            "folder": place.name,
            "historical": place.historical,
        }
        if seen_at is not None:
            data["latency_ms"] = round((unit.clock.monotonic() - seen_at) * 1000, 3)
        unit.emit(EventType.MESSAGE_STORED, place.account, data, historical=place.historical)
    if again:
        table = tables.message
        unit.execute(
            update(table)
            .where(table.c.id.in_(sorted(again)), table.c.gone_at.is_not(None))
            .values(gone_at=None)
        )
    for message in sorted(again):
        unit.emit(
            EventType.MESSAGE_CHANGED,
            place.account,
            {"id": message, "folder": place.name},
            historical=place.historical,
        )
