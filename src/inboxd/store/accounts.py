"""Accounts, their owners, conditions and the journal of changed conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from inboxd.model.conditions import Conditions, History, Tracking
from inboxd.model.errors import NotFound, RuleRefused
from inboxd.model.ids import AccountId, AddressKey, OwnerId
from inboxd.model.labels import Labels
from inboxd.model.phases import Phase
from inboxd.model.server import Endpoint, Security
from inboxd.model.settings import Settings
from inboxd.model.views import JournalEntry, Trouble
from inboxd.store import owners, tables
from inboxd.store.database import Unit


@dataclass(frozen=True, slots=True)
class Login:
    """How an account logs in; the secret is sealed, and absent where a command gives it."""

    username: str
    mechanism: str
    sealed_secret: bytes | None
    password_command: list[str] | str | None


@dataclass(frozen=True, slots=True)
class Account:
    """One account as stored."""

    id: AccountId
    owner: OwnerId
    settings: Settings
    """The owner's, at the moment of asking."""
    address: str
    login: Login
    imap: Endpoint
    smtp: Endpoint | None
    conditions: Conditions
    paused: bool
    phase: Phase
    trouble: Trouble | None
    server_word: str
    created_at: datetime
    synced_at: datetime | None
    removed_at: datetime | None


_WITH_OWNER = select(
    tables.account, owners.settings_column(tables.account.c.owner_id).label("settings")
)


def get(connection: Connection, account: AccountId) -> Account:
    """One account, removed or not. Raises NotFound."""
    query = _WITH_OWNER.where(tables.account.c.id == account)
    row = (connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no account {account}: inboxctl account list shows them.")
    return _account(row)


def everyone(connection: Connection) -> tuple[Account, ...]:
    """All accounts that are not removed, by id."""
    query = _WITH_OWNER.where(tables.account.c.removed_at.is_(None)).order_by(tables.account.c.id)
    return tuple(_account(row) for row in (connection.execute(query)).all())


def page(connection: Connection, after: int, limit: int) -> tuple[Account, ...]:
    """At most `limit` accounts that are not removed, by id, from the one behind `after`."""
    table = tables.account
    query = _WITH_OWNER.where(table.c.removed_at.is_(None), table.c.id > after).order_by(
        table.c.id
    )
    return tuple(_account(row) for row in (connection.execute(query.limit(limit))).all())


def find(connection: Connection, ref: str, key: AddressKey | None) -> Account:
    """The account with that id or address (design: both work everywhere).

    Raises NotFound, and RuleRefused where two owners have the same mailbox.
    """
    table = tables.account
    query = _WITH_OWNER.where(table.c.removed_at.is_(None))
    query = query.where(table.c.id == int(ref) if _is_id(ref) else table.c.address_key == key)
    rows = (connection.execute(query)).all()
    if not rows:
        raise NotFound(f"There is no account {ref}: inboxctl account list shows them.")
    if len(rows) > 1:
        ids = ", ".join(f"{row.id} ({row.owner_id})" for row in rows)
        raise RuleRefused(f"{ref} belongs to several owners: name the account by id: {ids}.")
    return _account(rows[0])


def _is_id(ref: str) -> bool:
    return ref.isascii() and ref.isdecimal() and len(ref) < 19  # fits SQLite's 64-bit integer


def of_mailbox(connection: Connection, owner: OwnerId, key: AddressKey) -> Account | None:
    """The owner's account of that address, also one that was removed but kept (P19)."""
    query = _WITH_OWNER.where(
        tables.account.c.owner_id == owner, tables.account.c.address_key == key
    )
    row = (connection.execute(query)).one_or_none()
    return None if row is None else _account(row)


def _account(row: Row[Any]) -> Account:
    smtp = None
    if row.smtp_host is not None:
        smtp = Endpoint(row.smtp_host, row.smtp_port, Security(row.smtp_security))
    return Account(
        id=AccountId(row.id),
        owner=OwnerId(row.owner_id),
        settings=owners.settings_of(row.settings),
        address=row.address,
        login=Login(row.username, row.mechanism, row.secret, row.password_command),
        imap=Endpoint(row.imap_host, row.imap_port, Security(row.imap_security)),
        smtp=smtp,
        conditions=Conditions(
            since=row.since,
            history=None if row.history is None else History(row.history),
            labels=labels_from_json(row.labels),
            tracking=Tracking(bool(row.track_opens), bool(row.track_links)),
        ),
        paused=bool(row.paused),
        phase=Phase(row.phase),
        trouble=_trouble(row.trouble),
        server_word=row.server_word,
        created_at=row.created_at,
        synced_at=row.synced_at,
        removed_at=row.removed_at,
    )


def labels_from_json(value: str | list[str]) -> Labels:
    """Labels as they are kept: the word `all` or a list."""
    return "all" if isinstance(value, str) else tuple(value)


def _trouble(value: Mapping[str, Any] | None) -> Trouble | None:
    if value is None:
        return None
    following = value["next_try_at"]
    return Trouble(
        code=value["code"],
        text=value["text"],
        at=datetime.fromisoformat(value["at"]),
        next_try_at=None if following is None else datetime.fromisoformat(following),
    )


def _columns(imap: Endpoint, smtp: Endpoint | None, login: Login) -> dict[str, Any]:
    return {
        "username": login.username,
        "mechanism": login.mechanism,
        "secret": login.sealed_secret,
        "password_command": login.password_command,
        "imap_host": imap.host,
        "imap_port": imap.port,
        "imap_security": str(imap.security),
        "smtp_host": smtp.host if smtp else None,
        "smtp_port": smtp.port if smtp else None,
        "smtp_security": str(smtp.security) if smtp else None,
    }


def add(
    unit: Unit,
    *,
    owner: OwnerId,
    address: str,
    key: AddressKey,
    login: Login,
    imap: Endpoint,
    smtp: Endpoint | None,
) -> AccountId:
    """Store a new account in phase `new`, and its owner where that is the first one."""
    owners.ensure(unit, owner)
    theirs = owners.settings(unit.connection, owner)
    result = unit.execute(
        insert(tables.account).values(
            owner_id=owner,
            address=address,
            address_key=key,
            labels="all",
            track_opens=int(theirs.track_opens),
            track_links=int(theirs.track_links),
            phase=str(Phase.NEW),
            created_at=unit.clock.now(),
            **_columns(imap, smtp, login),
        )
    )
    return AccountId(result.lastrowid)


def change(unit: Unit, account: AccountId, **values: Any) -> None:  # noqa: ANN401 - columns
    """Set columns of one account."""
    table = tables.account
    unit.execute(update(table).where(table.c.id == account).values(**values))


def set_login(
    unit: Unit, account: AccountId, login: Login, imap: Endpoint, smtp: Endpoint | None
) -> None:
    """Replace how an account logs in; everything else stays (P19)."""
    change(unit, account, **_columns(imap, smtp, login))


def set_phase(
    unit: Unit, account: AccountId, phase: Phase, trouble: Trouble | None, server_word: str
) -> None:
    """Store where the account stands and why."""
    shown = None
    if trouble is not None:
        following = trouble.next_try_at
        shown = {
            "code": trouble.code,
            "text": trouble.text,
            "at": trouble.at.isoformat(),
            "next_try_at": None if following is None else following.isoformat(),
        }
    change(unit, account, phase=str(phase), trouble=shown, server_word=server_word)


def set_conditions(unit: Unit, account: AccountId, conditions: Conditions) -> None:
    """Replace what the person chose."""
    change(
        unit,
        account,
        since=conditions.since,
        history=None if conditions.history is None else str(conditions.history),
        labels=conditions.labels if conditions.labels == "all" else list(conditions.labels),
        track_opens=int(conditions.tracking.opens),
        track_links=int(conditions.tracking.links),
    )


def revive(unit: Unit, account: AccountId) -> None:
    """A removed account is added again: its mail is known, its choices are made anew (P19)."""
    change(
        unit,
        account,
        removed_at=None,
        paused=0,
        phase=str(Phase.NEW),
        trouble=None,
        synced_at=None,
    )


def retire(unit: Unit, account: AccountId) -> None:
    """Remove an account and keep its mail; the secret goes at once (P19, P34)."""
    change(
        unit,
        account,
        removed_at=unit.clock.now(),
        phase=str(Phase.REMOVED),
        trouble=None,
        secret=None,
        password_command=None,
    )


# --- the journal of conditions (P12) -------------------------------------------------------------


def conditions_as_json(conditions: Conditions) -> dict[str, Any]:
    """The one spelling of conditions as JSON: the API's and the journal's."""
    labels = conditions.labels
    return {
        "since": conditions.since,
        "history": None if conditions.history is None else str(conditions.history),
        "labels": labels if labels == "all" else list(labels),
        "tracking": {"opens": conditions.tracking.opens, "links": conditions.tracking.links},
    }


def _conditions_from_json(value: Mapping[str, Any]) -> Conditions:
    history = value["history"]
    return Conditions(
        since=value["since"],
        history=None if history is None else History(history),
        labels=labels_from_json(value["labels"]),
        tracking=Tracking(**value["tracking"]),
    )


def journal(
    unit: Unit,
    account: AccountId,
    caller: str,
    before: Conditions,
    after: Conditions,
    sentences: tuple[str, ...],
) -> None:
    """Write down who changed what."""
    unit.execute(
        insert(tables.condition_change).values(
            account_id=account,
            at=unit.clock.now(),
            caller=caller,
            before=conditions_as_json(before),
            after=conditions_as_json(after),
            sentences=list(sentences),
        )
    )


def journal_of(connection: Connection, account: AccountId) -> tuple[JournalEntry, ...]:
    """All changes of an account's conditions, newest first."""
    return _entries(connection, account)


def _entries(
    connection: Connection, account: AccountId, *only: ColumnElement[bool]
) -> tuple[JournalEntry, ...]:
    table = tables.condition_change
    query = select(table).where(table.c.account_id == account, *only).order_by(table.c.id.desc())
    return tuple(
        JournalEntry(
            id=row.id,
            at=row.at,
            caller=row.caller,
            before=_conditions_from_json(row.before),
            after=_conditions_from_json(row.after),
            sentences=tuple(row.sentences),
        )
        for row in (connection.execute(query)).all()
    )


def label_changes(
    connection: Connection, account: AccountId, *, after: int
) -> tuple[JournalEntry, ...]:
    """The changes of an account's labels behind the change `after`, oldest first."""
    entries = _entries(connection, account, tables.condition_change.c.id > after)
    return tuple(one for one in reversed(entries) if one.before.labels != one.after.labels)


def last_undoable(connection: Connection, account: AccountId) -> JournalEntry | None:
    """The newest change that has not been undone and is not itself an undoing."""
    table = tables.condition_change
    query = select(func.max(table.c.id)).where(table.c.account_id == account, table.c.undone == 0)
    newest = connection.scalar(query)
    entries = journal_of(connection, account) if newest is not None else ()
    return next((entry for entry in entries if entry.id == newest), None)


def mark_undone(unit: Unit, account: AccountId, entry: int) -> None:
    """The entry and whatever undid it are spent: a second undo goes one change further back."""
    table = tables.condition_change
    unit.execute(
        update(table).where(table.c.account_id == account, table.c.id >= entry).values(undone=1)
    )
