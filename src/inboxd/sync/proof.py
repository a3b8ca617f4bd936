"""The ledger against the server, read anew and independently of what sync believes (P18)."""

from __future__ import annotations

from dataclasses import dataclass

from inboxd.model.errors import CommandRefused
from inboxd.model.ids import AccountId, FolderId, Uid, UidValidity
from inboxd.model.labels import Selection
from inboxd.model.proof import FolderProof, Gap, GapKind, Proof
from inboxd.model.server import MAX_UID, UidSet
from inboxd.store import accounts, folders, ledger, runs
from inboxd.store.database import Reader
from inboxd.store.folders import Folder
from inboxd.store.ledger import Outcome
from inboxd.sync.session import Session


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of one generation of a folder."""

    scope: UidSet
    """Every UID that must have an outcome."""
    decided: UidSet
    present: UidSet
    """With an outcome, and on the server when last looked."""
    pending: UidSet
    """Of the scope, what the live cursor or a history has not reached yet."""
    counts: dict[Outcome, int]


async def verify(session: Session) -> Proof:
    """List every folder of the account anew and compare (P18). Stores nothing.

    What arrives or vanishes between the two looks is no gap: the server is listed first, so mail
    that sync took in meanwhile is known, and what is missing is looked for once more.
    """
    database = session.ground.database
    account = await database.read(accounts.get, session.account)
    stored = await database.read(folders.of_account, session.account)
    listed = [one for one in stored if one.listed and one.selectable]
    wanted = Selection.of(account.conditions.labels, listed).folders
    proofs = []
    for folder in listed:
        synced = folder.name in wanted and account.synced_at is not None
        proof = await _folder(session, folder, synced=synced)
        if proof is not None:
            proofs.append(proof)
    return Proof(tuple(proofs))


async def _folder(session: Session, folder: Folder, *, synced: bool) -> FolderProof | None:
    try:
        status = await session.imap.examine(folder.wire_name)
    except CommandRefused:
        # Deleted or renamed a moment ago: sync finds out by its next listing.
        return None
    on_server = await session.imap.search_uids()
    database = session.ground.database
    known = await database.read(known_of, session.account, folder.id, status.uidvalidity)
    if not synced and not known.scope:
        return None
    gaps = compare(on_server, known)
    if gaps:
        # Mail can be stored or expunged between the two looks: only what stays is a gap.
        on_server = await session.imap.search_uids()
        known = await database.read(known_of, session.account, folder.id, status.uidvalidity)
        gaps = compare(on_server, known)
    if folder.uidvalidity not in (None, status.uidvalidity):
        gaps = (_renumbered(folder, status.uidvalidity),)
    elif synced and not known.scope:
        gaps = (_unwatched(folder),)
    return FolderProof(
        folder=folder.name,
        uidvalidity=status.uidvalidity,
        on_server=len(on_server),
        stored=known.counts.get(Outcome.STORED, 0),
        skipped=known.counts.get(Outcome.SKIPPED, 0),
        quarantined=known.counts.get(Outcome.QUARANTINED, 0),
        pending=len(on_server & known.pending),
        out_of_scope=len(on_server - known.scope),
        gaps=gaps,
    )


def known_of(
    connection: Reader, account: AccountId, folder: FolderId, uidvalidity: UidValidity
) -> Known:
    """Everything stored about one generation of a folder, from one moment."""
    scope = folders.whole_scope(connection, folder, uidvalidity)
    pending = UidSet()
    one = next(each for each in folders.of_account(connection, account) if each.id == folder)
    if one.next_uid is not None and one.uidvalidity == uidvalidity:
        pending = pending | UidSet.span(one.next_uid, MAX_UID)
    for run in runs.unfinished(connection, account):
        for part in runs.folders(connection, run.id):
            same = part.folder == folder and part.uidvalidity == uidvalidity
            if same and part.finished_at is None:
                pending = pending | UidSet.span(part.first_uid, part.cursor_uid - 1)
    decided = ledger.decided(connection, folder, uidvalidity)
    return Known(
        scope,
        decided,
        ledger.present(connection, folder, uidvalidity),
        (pending & scope) - decided,
        ledger.counts(connection, folder, uidvalidity),
    )


def compare(on_server: UidSet, known: Known) -> tuple[Gap, ...]:
    """The differences that sync owes an answer for. Pure."""
    missing = (on_server & known.scope) - known.decided - known.pending
    ghosts = known.present - on_server
    gaps: list[Gap] = []
    if missing:
        sentence = (
            f"{len(missing)} on the server and neither stored, skipped nor quarantined: the next "
            "comparison (at each connect, and every few hours) fetches them."
        )
        gaps.append(Gap(GapKind.MISSING, _intervals(missing), len(missing), sentence))
    if ghosts:
        sentence = (
            f"{len(ghosts)} believed to be on the server, which does not list them: the next "
            "comparison marks them as gone."
        )
        gaps.append(Gap(GapKind.GHOST, _intervals(ghosts), len(ghosts), sentence))
    return tuple(gaps)


def _intervals(uids: UidSet) -> tuple[tuple[Uid, Uid], ...]:
    return tuple((Uid(first), Uid(last)) for first, last in uids.intervals)


def _renumbered(folder: Folder, present: UidValidity) -> Gap:
    sentence = (
        f"the server gave the folder UIDVALIDITY {present} (stored: {folder.uidvalidity}): its "
        "messages are matched with the new UIDs at the next look."
    )
    return Gap(GapKind.RENUMBERED, (), 0, sentence)


def _unwatched(folder: Folder) -> Gap:
    sentence = f"{folder.name} is chosen and not watched yet: is the account paused or retrying?"
    return Gap(GapKind.UNWATCHED, (), 0, sentence)
