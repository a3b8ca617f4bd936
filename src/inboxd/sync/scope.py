"""Which UIDs belong to whom: folders, spans and frozen ranges, brought in line with the choices.

`settle` is the only place where a folder begins or ceases to be watched and where a history run
gets its ranges. It happens in one transaction, so the watch connection owns UIDs from N on and
the history UIDs below N, without a gap and without a double.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from inboxd.log import get
from inboxd.model.conditions import NOW, Conditions, chosen
from inboxd.model.events import EventType
from inboxd.model.ids import FolderId, Uid, WireName
from inboxd.model.server import FolderStatus, ListedFolder, SpecialUse
from inboxd.model.settings import Terms
from inboxd.store import accounts, folders, ledger, owners, runs
from inboxd.store.accounts import Account
from inboxd.store.database import Unit
from inboxd.store.folders import Folder
from inboxd.store.runs import Run
from inboxd.sync.plan import Border
from inboxd.sync.session import Session

log = get("inboxd.scope")

FIRST_USES = (SpecialUse.INBOX, SpecialUse.SENT, SpecialUse.ARCHIVE, SpecialUse.ALL)
"""The order of a history's folders: what people look for first; the others follow by name."""

Statuses = Mapping[WireName, FolderStatus]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is watched now."""

    terms: Terms
    watched: tuple[Folder, ...]
    """The folders with a live cursor, as stored, the most important first."""
    statuses: Statuses
    """What the server just said of every folder."""
    history_open: bool
    borders: Mapping[FolderId, Border]
    """Folders that joined or are to leave in the middle of their UIDs."""


async def settle(session: Session) -> Scope:
    """List the server's folders and bring folders, spans and runs in line with the conditions."""
    listing = await session.imap.list_folders(status=True)
    statuses = {one.wire_name: one.status for one in listing if one.status is not None}
    account = await _account(session)
    wanted = chosen(account.conditions.labels, listing)
    for one in listing:
        known = statuses.get(one.wire_name)
        if one.name in wanted and (known is None or known.uidnext is None):
            statuses[one.wire_name] = await _look_closer(session, one)
    listing = [
        replace(one, status=statuses.get(one.wire_name))
        for one in listing
        if one.name not in wanted or one.wire_name in statuses
    ]

    def work(unit: Unit) -> Scope:
        return _settle(unit, session, listing, statuses)

    return await session.ground.database.write(work)


async def _account(session: Session) -> Account:
    return await session.ground.database.read(accounts.get, session.account)


async def _look_closer(session: Session, one: ListedFolder) -> FolderStatus:
    """EXAMINE where STATUS does not tell UIDNEXT (some servers never do)."""
    return await session.imap.examine(one.wire_name)


def _settle(
    unit: Unit, session: Session, listing: Sequence[ListedFolder], statuses: Statuses
) -> Scope:
    before = folders.of_account(unit.connection, session.account)
    _follow_renames(unit, session, before, listing)
    folders.record_listing(unit, session.account, listing)
    account = accounts.get(unit.connection, session.account)
    now = folders.of_account(unit.connection, session.account)
    pending = runs.unfinished(unit.connection, session.account)
    fresh_sync = any(run.planned_at is None and run.kind is runs.RunKind.FIRST for run in pending)
    wanted = chosen(account.conditions.labels, [folder for folder in now if folder.listed])
    turn = _Turn(
        fresh_sync=fresh_sync,
        known=frozenset(folder.id for folder in before),
        labels_changed_at=accounts.labels_changed_at(unit.connection, session.account),
    )
    borders: dict[FolderId, Border] = {}
    for folder in now:
        status = statuses.get(folder.wire_name) if folder.listed else None
        border = _watch_or_not(unit, folder, status, turn, wanted=folder.name in wanted)
        if border is not None:
            borders[folder.id] = border
        if not folder.listed:
            _forget_deleted(unit, session, folder)
    seen_before = {folder.id: folder.uidnext for folder in now}
    now = folders.of_account(unit.connection, session.account)
    for run in pending:
        if run.planned_at is None:
            _plan(unit, session, run, now, statuses, seen_before)
    for folder in now:
        _note_status(unit, folder, statuses.get(folder.wire_name))
    now = folders.of_account(unit.connection, session.account)
    open_runs = runs.unfinished(unit.connection, session.account)
    watched = sorted((one for one in now if one.next_uid is not None), key=_importance)
    terms = owners.terms(unit.connection, session.account)
    return Scope(terms, tuple(watched), statuses, bool(open_runs), borders)


def _importance(folder: Folder) -> tuple[int, str]:
    use = folder.special_use
    rank = FIRST_USES.index(use) if use in FIRST_USES else len(FIRST_USES)
    return rank, folder.name


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one settling goes by."""

    fresh_sync: bool
    """Sync was pressed and nothing is watched yet."""
    known: frozenset[FolderId]
    """The folders of the listing before this one."""
    labels_changed_at: datetime | None


def _watch_or_not(
    unit: Unit, folder: Folder, status: FolderStatus | None, turn: _Turn, *, wanted: bool
) -> Border | None:
    """Begin or cease to watch a folder; the border where that falls among its UIDs.

    A folder with mail from before it was taken off stays watched until that mail is stored.
    """
    if wanted and status is not None and folder.next_uid is None:
        first = _first_live_uid(folder, status, turn)
        folders.open_span(unit, folder.id, status.uidvalidity, first)
        new = folder.id not in turn.known
        return None if new else _border(first, status, turn, joins=True)
    if folder.next_uid is None or (wanted and folder.listed):
        return None
    same = status is not None and status.uidvalidity == folder.uidvalidity
    border = _border(folder.next_uid, status, turn, joins=False) if same and status else None
    if border is None:
        folders.close_span(unit, folder.id, folder.next_uid - 1)
    return border


def _first_live_uid(folder: Folder, status: FolderStatus, turn: _Turn) -> Uid:
    """Where the live span of a folder begins that is not watched yet.

    At Sync: at UIDNEXT. A folder made later holds only future mail, so at its first UID (P8).
    A label added later: at the UIDNEXT seen before the change, which is at most one sweep old;
    UIDNEXT of this moment would lose what came between the change and now (P12). What came before
    the change is left out by its border.
    """
    uidnext = Uid(1) if status.uidnext is None else status.uidnext
    if turn.fresh_sync:
        return uidnext
    if folder.id not in turn.known:
        return Uid(1)
    same = folder.uidvalidity == status.uidvalidity
    return folder.uidnext if same and folder.uidnext is not None else uidnext


def _border(first: Uid, status: FolderStatus, turn: _Turn, *, joins: bool) -> Border | None:
    """The border among the UIDs from `first` on; None where nothing lies on both sides."""
    if turn.labels_changed_at is None or status.uidnext is None or status.uidnext <= first:
        return None
    return Border(status.uidnext, turn.labels_changed_at, joins)


def _forget_deleted(unit: Unit, session: Session, folder: Folder) -> None:
    if folder.uidvalidity is None:
        return
    present = ledger.present(unit.connection, folder.id, folder.uidvalidity)
    if present:
        ledger.mark_gone(unit, session.account, folder.id, folder.uidvalidity, present)


def _note_status(unit: Unit, folder: Folder, status: FolderStatus | None) -> None:
    """Remember what was seen; a watched folder's UIDVALIDITY is changed by its drain alone."""
    if status is None:
        return
    values: dict[str, int | None] = {"uidnext": status.uidnext, "messages": status.messages}
    if folder.next_uid is None:
        values["uidvalidity"] = status.uidvalidity
    current = {name: getattr(folder, name) for name in values}
    if values != current:
        folders.change(unit, folder.id, **values)


def _plan(
    unit: Unit,
    session: Session,
    run: Run,
    now: Sequence[Folder],
    statuses: Statuses,
    seen_before: Mapping[FolderId, Uid | None],
) -> None:
    """Give a run its frozen ranges: in each folder what the live cursor does not own."""
    listed = [folder for folder in now if folder.listed]
    wanted = chosen(run.labels, listed)
    position = 0
    for folder in sorted((one for one in listed if one.name in wanted), key=_importance):
        status = statuses.get(folder.wire_name)
        if status is None:
            continue
        below = folder.next_uid or status.uidnext or Uid(1)
        # Under `now` the history is the moment between pressing Sync and this one: what came
        # since the folder was last seen, less what is older than the press (P4).
        first = (seen_before.get(folder.id) or below) if run.since == NOW else Uid(1)
        if first >= below:
            continue
        runs.add_folder(
            unit,
            run.id,
            folder.id,
            position=position,
            uidvalidity=status.uidvalidity,
            first_uid=first,
            below_uid=below,
            total=min(status.messages, below - first),
        )
        folders.add_span(unit, folder.id, status.uidvalidity, first, below - 1)
        position += 1
    runs.mark_planned(unit, run.id)
    if position == 0:
        runs.finish(unit, run.id)
        unit.emit(EventType.HISTORY_FINISHED, session.account, {"run": run.id, "stored": 0})


def _follow_renames(
    unit: Unit, session: Session, before: Sequence[Folder], listing: Sequence[ListedFolder]
) -> None:
    """A folder that went as another of the same UIDVALIDITY came was renamed.

    Without this a renamed folder would look new, and all its old mail like future mail: under
    `contacts` that would bring in the very mail that was left out (P6).
    """
    names = {one.wire_name for one in listing}
    known = {folder.wire_name for folder in before}
    came = [one for one in listing if one.wire_name not in known and one.status is not None]
    for folder in before:
        if folder.wire_name in names or not folder.listed or folder.uidvalidity is None:
            continue
        matches = [one for one in came if _is_same(folder, one)]
        if len(matches) == 1:
            came.remove(matches[0])
            folders.rename(unit, folder.id, matches[0])
            _rename_label(unit, session, folder, matches[0])
            log.info("folder_renamed", folder_id=folder.id)


def _is_same(folder: Folder, one: ListedFolder) -> bool:
    status = one.status
    return (
        status is not None
        and status.uidvalidity == folder.uidvalidity
        and (status.uidnext or 0) >= (folder.uidnext or 0)
    )


def _rename_label(unit: Unit, session: Session, folder: Folder, renamed: ListedFolder) -> None:
    account = accounts.get(unit.connection, session.account)
    labels = account.conditions.labels
    if labels == "all" or folder.name not in labels:
        return
    after: Conditions = replace(
        account.conditions,
        labels=tuple(renamed.name if label == folder.name else label for label in labels),
    )
    sentence = f"label {folder.name} is called {renamed.name} on the server now."
    accounts.set_conditions(unit, account.id, after)
    accounts.journal(unit, account.id, "server", account.conditions, after, (sentence,))
    unit.emit(
        EventType.CONDITIONS_CHANGED,
        account.id,
        {"conditions": accounts.conditions_as_json(after), "changes": [sentence]},
    )
