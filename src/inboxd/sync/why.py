"""Why a message is here, or is not (P18): the store is asked, then the server itself.

Of mail that was left out the store keeps a UID and a reason, nothing else (P6). What a person
knows of it (a Message-ID, an address) is therefore looked for on the server, over a connection of
its own, and the UIDs found there are looked up in the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from inboxd.model.addresses import normalise
from inboxd.model.errors import CommandRefused, NotFound
from inboxd.model.ids import AccountId, Uid, UidValidity
from inboxd.model.labels import Selection
from inboxd.model.proof import Question, Why, WhyState
from inboxd.model.server import UidSet
from inboxd.store import accounts, folders, ledger, reading
from inboxd.store.database import Reader
from inboxd.store.folders import Folder
from inboxd.store.ledger import Entry, Outcome, Reason
from inboxd.sync.proof import known_of
from inboxd.sync.session import Session

NEWEST = 20
"""UIDs explained per folder; an address may have written thousands."""

_REASONS = {
    Reason.BEFORE_START: "it is older than the start date (a re-sync from earlier brings it in)",
    Reason.NOT_A_CONTACT: "nobody in its header was a contact when Sync was pressed (P6; a "
    "re-sync brings in everybody's)",
    Reason.NOT_CHOSEN: "it came while its label was not chosen (a re-sync of the label brings it "
    "in)",
    Reason.BLOCKED: "its sender is blocked in the owner's settings",
    Reason.TOO_LARGE: "it is larger than limits.message_bytes allows",
    Reason.NOT_GIVEN: "the server lists it and does not hand it out",
    Reason.UNREADABLE: "its bytes could not be stored as a message",
}


async def from_server(session: Session, question: Question) -> tuple[Why, ...]:
    """Look for the message in every folder of the server and explain each that is found."""
    database = session.ground.database
    stored = await database.read(folders.of_account, session.account)
    account = await database.read(accounts.get, session.account)
    listed = [one for one in stored if one.listed and one.selectable]
    wanted = Selection.of(account.conditions.labels, listed).folders
    found: list[Why] = []
    for folder in listed:
        if question.folder is not None and folder.name != question.folder:
            continue
        try:
            status = await session.imap.examine(folder.wire_name)
            uids = await _search(session, question)
        except CommandRefused:
            continue
        synced = folder.name in wanted and account.synced_at is not None
        explained = partial(explain, folder=folder, uidvalidity=status.uidvalidity, synced=synced)
        found += [
            await database.read(explained, session.account, uid) for uid in uids.newest(NEWEST)
        ]
    return tuple(found)


async def _search(session: Session, question: Question) -> UidSet:
    if question.uid is not None:
        one = UidSet.span(question.uid, question.uid)
        return await session.imap.search_uids(one)
    if question.message_id is not None:
        return await session.imap.search_header("Message-ID", question.message_id)
    fields = ("From", "Sender", "Reply-To", "To", "Cc", "Bcc")
    found = UidSet()
    for field in fields:
        found = found | await session.imap.search_header(field, question.address or "")
    return found


def explain(
    connection: Reader,
    account: AccountId,
    uid: Uid,
    *,
    folder: Folder,
    uidvalidity: UidValidity,
    synced: bool,
) -> Why:
    """What became of one UID that is on the server."""
    entry = ledger.entry(connection, folder.id, uidvalidity, uid)
    state, sentence = _state(connection, account, folder, uidvalidity, uid, entry, synced=synced)
    return Why(
        state,
        sentence,
        reason="" if entry is None or entry.reason is None else entry.reason,
        folder=folder.name,
        uidvalidity=uidvalidity,
        uid=uid,
        message=None if entry is None else entry.message,
    )


def _state(
    connection: Reader,
    account: AccountId,
    folder: Folder,
    uidvalidity: UidValidity,
    uid: Uid,
    entry: Entry | None,
    *,
    synced: bool,
) -> tuple[WhyState, str]:
    where = f"UID {uid} of {folder.name}"
    if entry is None:
        known = known_of(connection, account, folder.id, uidvalidity)
        if uid in known.pending:
            return WhyState.PENDING, f"{where} is on the server and not reached yet."
        if uid in known.scope:
            return WhyState.PENDING, f"{where} is missing here; the next comparison fetches it."
        if synced:
            return WhyState.OUT_OF_SCOPE, (
                f"{where} is left out as a whole: the conditions begin after it (a re-sync from "
                "earlier brings it in)."
            )
        return WhyState.OUT_OF_SCOPE, f"{where} is left out: its label is not chosen."
    if entry.outcome is Outcome.STORED:
        gone = entry.gone_at is not None
        return WhyState.STORED, f"{where} is stored as message {entry.message}" + (
            ", marked as gone although the server lists it." if gone else "."
        )
    why = _REASONS.get(entry.reason, "") if entry.reason is not None else ""
    if entry.outcome is Outcome.SKIPPED:
        return WhyState.SKIPPED, f"{where} is skipped: {why}."
    return WhyState.QUARANTINED, (
        f"{where} is in quarantine: {why} (inboxctl quarantine show {folder.id}.{uidvalidity}."
        f"{uid})."
    )


def from_store(connection: Reader, account: AccountId, question: Question) -> tuple[Why, ...]:
    """What the store alone can tell: mail that is, or was, here."""
    rows: Sequence[reading.Standing]
    if question.message_id is not None:
        rows = reading.by_message_id(connection, account, question.message_id)
    elif question.address is not None:
        key = normalise(question.address)
        rows = () if key is None else reading.by_address(connection, account, key, NEWEST)
    else:
        rows = _by_uid(connection, account, question)
    return tuple(_stored(one) for one in rows)


def _by_uid(
    connection: Reader, account: AccountId, question: Question
) -> Sequence[reading.Standing]:
    named = [f for f in folders.of_account(connection, account) if f.name == question.folder]
    if not named:
        raise NotFound(f"There is no label {question.folder!r}: inboxctl labels lists them.")
    folder = named[0]
    if folder.uidvalidity is None or question.uid is None:
        return ()
    entry = ledger.entry(connection, folder.id, folder.uidvalidity, Uid(question.uid))
    if entry is None or entry.message is None:
        return ()
    return (reading.standing(connection, entry.message),)


def _stored(one: reading.Standing) -> Why:
    if one.deleted_at is not None:
        state, sentence = WhyState.DELETED, f"was deleted here at {one.deleted_at:%Y-%m-%d %H:%M}"
    elif one.gone_at is not None:
        state = WhyState.GONE
        sentence = f"has left the server (seen at {one.gone_at:%Y-%m-%d %H:%M}) and is hidden"
    else:
        state, sentence = WhyState.STORED, f"is stored, from {', '.join(one.labels) or 'nowhere'}"
    return Why(state, f"Message {one.message} {sentence}.", message=one.message)


NEVER_SEEN = Why(
    WhyState.NEVER_SEEN,
    "Neither the store nor any folder of the server knows it: was it sent to another mailbox, or "
    "deleted before it was synced?",
)


def merged(here: Sequence[Why], there: Sequence[Why]) -> tuple[Why, ...]:
    """What the server told, and of the store what the server did not mention; never nothing."""
    told = {one.message for one in there if one.message is not None}
    rest = [one for one in here if one.message not in told]
    return (*there, *rest) or (NEVER_SEEN,)
