"""Which UIDs belong to whom: folders, spans and frozen ranges, brought in line with the choices.

`settle` is the only place where a folder begins or ceases to be watched and where a history run
gets its ranges. It happens in one transaction, so the watch connection owns UIDs from N on and
the history UIDs below N, without a gap and without a double.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inboxd.log import get
from inboxd.model.conditions import NOW, Conditions
from inboxd.model.events import EventType
from inboxd.model.ids import FolderId, Uid, WireName
from inboxd.model.labels import Selection
from inboxd.model.server import FolderStatus, ListedFolder, SpecialUse
from inboxd.model.settings import Terms
from inboxd.model.views import JournalEntry
from inboxd.store import accounts, folders, labels, ledger, owners, runs
from inboxd.store.database import Unit
from inboxd.store.folders import Folder
from inboxd.store.runs import Run
from inboxd.sync import borders as bordering
from inboxd.sync.borders import SERVER, Border, Era
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
    selection: Selection
    """What the labels take now."""
    borders: Mapping[FolderId, Border]
    """Folders whose new UIDs came in under several choices of labels."""


async def settle(session: Session) -> Scope:
    """List the server's folders and bring folders, spans and runs in line with the conditions."""
    listing = await session.imap.list_folders(status=True)
    statuses = {one.wire_name: one.status for one in listing if one.status is not None}
    account = await session.ground.database.read(accounts.get, session.account)
    stored = await session.ground.database.read(folders.of_account, session.account)
    needed = Selection.of(account.conditions.labels, listing).folders
    # One that is to leave has to be looked at once more: what came while it was chosen.
    needed = needed | {one.name for one in stored if one.next_uid is not None}
    for one in listing:
        known = statuses.get(one.wire_name)
        if one.name in needed and (known is None or known.uidnext is None):
            statuses[one.wire_name] = await _look_closer(session, one)
    listing = [
        replace(one, status=statuses.get(one.wire_name))
        for one in listing
        if one.name not in needed or one.wire_name in statuses
    ]

    def work(unit: Unit) -> Scope:
        return _settle(unit, session, listing, statuses)

    return await session.ground.database.write(work)


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
    turn = _Turn(
        fresh_sync=fresh_sync,
        known=frozenset(folder.id for folder in before if folder.listed),
        selection=Selection.of(account.conditions.labels, [one for one in now if one.listed]),
        changes=accounts.label_changes(
            unit.connection,
            session.account,
            after=min((folder.settled_change or 0 for folder in now), default=0),
        ),
    )
    borders: dict[FolderId, Border] = {}
    for folder in now:
        status = statuses.get(folder.wire_name) if folder.listed else None
        border = _watch_or_not(unit, folder, status, turn)
        if border is not None:
            borders[folder.id] = border
        else:
            _mark_settled(unit, folder, turn)
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
    return Scope(terms, tuple(watched), statuses, bool(open_runs), turn.selection, borders)


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
    selection: Selection
    """What is chosen now."""
    changes: tuple[JournalEntry, ...]
    """Changes of labels that not every folder has taken in yet, oldest first."""

    def eras(self, folder: Folder) -> tuple[Era, ...]:
        """The choices that the folder's new mail came in under; the last one alone at Sync.

        A folder that was made since the last listing holds mail of after its making only (P8).
        """
        behind = folder.settled_change or 0
        pending = [one for one in self.changes if one.id > behind]
        if self.fresh_sync or folder.id not in self.known:
            pending = []
        return bordering.eras(pending, self.selection.labels, self.selection.listed)


def _watch_or_not(
    unit: Unit, folder: Folder, status: FolderStatus | None, turn: _Turn
) -> Border | None:
    """Begin or cease to watch a folder; the border where that falls among its UIDs.

    A folder with mail of a time when it was chosen is watched until that mail is stored.
    """
    wanted = folder.name in turn.selection.folders
    if status is None:
        if folder.next_uid is not None and not (wanted and folder.listed):
            folders.close_span(unit, folder.id, folder.next_uid - 1)
        return None
    watched = folder.next_uid is not None
    first = folder.next_uid or _first_live_uid(folder, status, turn)
    border = None
    if status.uidnext is not None and status.uidnext > first:
        newest = turn.changes[-1].id if turn.changes else 0
        border = bordering.border(folder, status.uidnext, turn.eras(folder), newest)
    if watched and not wanted and status.uidvalidity != folder.uidvalidity:
        border = None
    if not watched and (wanted or border is not None):
        folders.open_span(unit, folder.id, status.uidvalidity, first, status.highestmodseq)
    if watched and not wanted and border is None:
        folders.close_span(unit, folder.id, first - 1)
    return border


def _mark_settled(unit: Unit, folder: Folder, turn: _Turn) -> None:
    if turn.changes and folder.settled_change != turn.changes[-1].id:
        folders.change(unit, folder.id, settled_change=turn.changes[-1].id)


def _first_live_uid(folder: Folder, status: FolderStatus, turn: _Turn) -> Uid:
    """Where the live span of a folder begins that is not watched yet.

    At Sync: at UIDNEXT. A folder made since the last listing holds only future mail, so at its
    first UID (P8). A label added later: at the UIDNEXT seen before the change, which is at most
    one sweep old; UIDNEXT of this moment would lose what came between the change and now (P12).
    What came before the change is left out by its border.
    """
    uidnext = Uid(1) if status.uidnext is None else status.uidnext
    if turn.fresh_sync:
        return uidnext
    same = folder.uidvalidity == status.uidvalidity
    if same and folder.uidnext is not None:
        return folder.uidnext
    return uidnext if folder.id in turn.known else Uid(1)


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
    wanted = Selection.of(run.labels, listed).folders
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
            labels.rename(unit, session.account, folder.name, matches[0].name)
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
    accounts.journal(unit, account.id, SERVER, account.conditions, after, (sentence,))
    unit.emit(
        EventType.CONDITIONS_CHANGED,
        account.id,
        {"conditions": accounts.conditions_as_json(after), "changes": [sentence]},
    )
