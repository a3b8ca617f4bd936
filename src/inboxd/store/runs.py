"""History runs: the first one after Sync and every re-sync, each folder with its own cursor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from inboxd.model.conditions import History
from inboxd.model.ids import AccountId, FolderId, FolderName, RunId, Uid, UidValidity
from inboxd.model.labels import Labels
from inboxd.model.server import UidSet
from inboxd.store import accounts, ledger, tables
from inboxd.store.database import Unit
from inboxd.store.ledger import Reason


class RunKind(StrEnum):
    """Which history a run is."""

    FIRST = "first"
    RESYNC = "resync"


@dataclass(frozen=True, slots=True)
class Run:
    """One history run as stored."""

    id: RunId
    kind: RunKind
    since: str
    start_at: datetime
    """Mail that its folder got before this moment is left out."""
    history: History
    labels: Labels
    pressed_at: datetime
    planned_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunFolder:
    """How far a run has come in one folder."""

    folder: FolderId
    name: FolderName
    uidvalidity: UidValidity
    first_uid: Uid
    """Where the range begins: 1, except under the start date `now`."""
    below_uid: Uid
    """The frozen end: the run owns every UID below it, the live cursor every other."""
    cursor_uid: Uid
    """Every UID from here up to `below_uid` has its outcome."""
    total: int
    done: int
    stored: int
    bytes: int
    finished_at: datetime | None


def start(
    unit: Unit,
    account: AccountId,
    kind: RunKind,
    *,
    since: str,
    start_at: datetime,
    history: History,
    labels: Labels,
) -> RunId:
    """Note a run; the account's task plans it as soon as it sees the server."""
    result = unit.execute(
        insert(tables.run).values(
            account_id=account,
            kind=str(kind),
            since=since,
            start_at=start_at,
            history=str(history),
            labels=labels if labels == "all" else list(labels),
            pressed_at=unit.clock.now(),
        )
    )
    return RunId(result.lastrowid)


def get(connection: Connection, run: RunId) -> Run:
    """One run, which must exist."""
    query = select(tables.run).where(tables.run.c.id == run)
    return _run((connection.execute(query)).one())


def unfinished(connection: Connection, account: AccountId) -> tuple[Run, ...]:
    """The runs that have not ended, oldest first."""
    table = tables.run
    query = (
        select(table)
        .where(table.c.account_id == account, table.c.finished_at.is_(None))
        .order_by(table.c.id)
    )
    return tuple(_run(row) for row in (connection.execute(query)).all())


def first(connection: Connection, account: AccountId) -> Run | None:
    """The run of the first Sync, which fixed what of the history is taken."""
    table = tables.run
    query = (
        select(table)
        .where(table.c.account_id == account, table.c.kind == str(RunKind.FIRST))
        .order_by(table.c.id)
        .limit(1)
    )
    row = (connection.execute(query)).one_or_none()
    return None if row is None else _run(row)


def latest(connection: Connection, account: AccountId) -> Run | None:
    """The newest run, ended or not."""
    table = tables.run
    query = select(table).where(table.c.account_id == account).order_by(table.c.id.desc()).limit(1)
    row = (connection.execute(query)).one_or_none()
    return None if row is None else _run(row)


def _run(row: Row[Any]) -> Run:
    return Run(
        id=RunId(row.id),
        kind=RunKind(row.kind),
        since=row.since,
        start_at=row.start_at,
        history=History(row.history),
        labels=accounts.labels_from_json(row.labels),
        pressed_at=row.pressed_at,
        planned_at=row.planned_at,
        finished_at=row.finished_at,
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """A finished history's work."""

    bytes: int
    seconds: float


def measured(connection: Connection, least_bytes: int) -> Measured | None:
    """How fast the newest finished history was that brought at least so much (P9)."""
    run, part = tables.run, tables.run_folder
    query = (
        select(run.c.planned_at, run.c.finished_at, func.sum(part.c.bytes).label("bytes"))
        .join(part, part.c.run_id == run.c.id)
        .where(run.c.finished_at.is_not(None), run.c.planned_at.is_not(None))
        .group_by(run.c.id)
        .having(func.sum(part.c.bytes) >= least_bytes)
        .order_by(run.c.id.desc())
        .limit(1)
    )
    row = (connection.execute(query)).one_or_none()
    if row is None:
        return None
    return Measured(row.bytes, (row.finished_at - row.planned_at).total_seconds())


def add_folder(
    unit: Unit,
    run: RunId,
    folder: FolderId,
    *,
    position: int,
    uidvalidity: UidValidity,
    first_uid: Uid,
    below_uid: Uid,
    total: int,
) -> None:
    """Freeze the part of a folder that belongs to the run."""
    unit.execute(
        insert(tables.run_folder).values(
            run_id=run,
            folder_id=folder,
            position=position,
            uidvalidity=uidvalidity,
            first_uid=first_uid,
            below_uid=below_uid,
            cursor_uid=below_uid,
            total=total,
        )
    )


def mark_planned(unit: Unit, run: RunId) -> None:
    """All folders of the run are known."""
    _change(unit, run, planned_at=unit.clock.now())


def finish(unit: Unit, run: RunId) -> None:
    """The run has ended: everything it owned has an outcome."""
    _change(unit, run, finished_at=unit.clock.now())


def set_start(unit: Unit, run: RunId, since: str, start_at: datetime) -> None:
    """Widen or narrow a run under way (P12); what was too old is looked at again if wider."""
    widened = start_at < get(unit.connection, run).start_at
    _change(unit, run, since=since, start_at=start_at)
    if widened:
        for part in folders(unit.connection, run):
            reopen_folder(unit, part, run)


def reopen_folder(unit: Unit, part: RunFolder, run: RunId) -> None:
    """Decide anew about what a folder's history left out for its age."""
    forgotten = ledger.forget(
        unit,
        part.folder,
        part.uidvalidity,
        UidSet.span(part.first_uid, part.below_uid - 1),
        Reason.BEFORE_START,
    )
    table = tables.run_folder
    unit.execute(
        update(table)
        .where(table.c.run_id == run, table.c.folder_id == part.folder)
        .values(cursor_uid=table.c.below_uid, finished_at=None, done=table.c.done - forgotten)
    )


def _change(unit: Unit, run: RunId, **values: Any) -> None:  # noqa: ANN401 - columns
    table = tables.run
    unit.execute(update(table).where(table.c.id == run).values(**values))


def folders(connection: Connection, run: RunId) -> tuple[RunFolder, ...]:
    """The folders of a run in the order they are gone through."""
    table = tables.run_folder
    query = (
        select(table, tables.folder.c.name)
        .join(tables.folder, tables.folder.c.id == table.c.folder_id)
        .where(table.c.run_id == run)
        .order_by(table.c.position)
    )
    return tuple(
        RunFolder(
            folder=FolderId(row.folder_id),
            name=FolderName(row.name),
            uidvalidity=UidValidity(row.uidvalidity),
            first_uid=Uid(row.first_uid),
            below_uid=Uid(row.below_uid),
            cursor_uid=Uid(row.cursor_uid),
            total=row.total,
            done=row.done,
            stored=row.stored,
            bytes=row.bytes,
            finished_at=row.finished_at,
        )
        for row in (connection.execute(query)).all()
    )


def move_cursor(
    unit: Unit,
    run: RunId,
    folder: FolderId,
    cursor: Uid,
    *,
    decided: int,
    stored: int,
    size: int,
) -> None:
    """Every UID from `cursor` on is decided; `decided` more messages than before.

    Runs in the transaction that holds the rows it covers, or a crash between the two would lose
    them.
    """
    table = tables.run_folder
    unit.execute(
        update(table)
        .where(table.c.run_id == run, table.c.folder_id == folder)
        .values(
            cursor_uid=cursor,
            # Mail can vanish or appear below the frozen end; a total below the count of what was
            # done would show more than 100 %.
            total=func.max(table.c.total, table.c.done + decided),
            done=table.c.done + decided,
            stored=table.c.stored + stored,
            bytes=table.c.bytes + size,
        )
    )


def finish_folder(unit: Unit, run: RunId, folder: FolderId) -> None:
    """Nothing of this folder is left to decide."""
    table = tables.run_folder
    unit.execute(
        update(table)
        .where(table.c.run_id == run, table.c.folder_id == folder)
        .values(finished_at=unit.clock.now(), cursor_uid=table.c.first_uid, total=table.c.done)
    )
