"""The one door to the store: raw bytes in, one transaction out.

Parsing and hashing happen before the transaction, in a worker thread where there is much of it;
the transaction holds the messages, their ledger rows, the cursor that covers them and the events
that tell of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial

import anyio
import anyio.to_thread
import zstandard

from inboxd.log import get
from inboxd.mime.parse import parse
from inboxd.model.addresses import normalise
from inboxd.model.errors import StoreUnavailable
from inboxd.model.ids import AddressKey, Uid
from inboxd.model.messages import Address, ParsedMessage
from inboxd.model.server import Fetched
from inboxd.store import ledger, messages, threads
from inboxd.store.database import Database, Unit
from inboxd.store.messages import Content, Place, Stored

log = get("inboxd.intake")

SNIPPET_CHARACTERS = 200
"""What a list shows under the subject."""

IN_LOOP_BYTES = 64 * 1024
"""Parsing this much takes about a millisecond: less than the way to a thread and back is worth,
and short enough that no other account notices."""

ZSTD_LEVEL = 3
"""The library's default: level 1 saves 10 % of the time of a level that is 3 % of the whole."""

Also = Callable[[Unit, Stored], None]
"""What else belongs into the transaction: the cursor, skipped UIDs."""


async def take_in(
    database: Database,
    place: Place,
    fetched: Sequence[Fetched],
    also: Also,
    *,
    seen_at: float | None = None,
) -> Stored:
    """Read and store what was fetched, whole; see `store`."""
    return await store(database, place, await read(fetched), also, seen_at=seen_at)


async def read(
    fetched: Sequence[Fetched], limiter: anyio.CapacityLimiter | None = None
) -> list[tuple[Uid, Content]]:
    """Everything that is known of messages before they are stored.

    `limiter`: of the threads that much of it is read in, where several do so.
    """
    if sum(len(one.raw) for one in fetched) <= IN_LOOP_BYTES:
        return _contents(fetched)
    return await anyio.to_thread.run_sync(_contents, fetched, limiter=limiter)


async def store(
    database: Database,
    place: Place,
    contents: Sequence[tuple[Uid, Content]],
    also: Also,
    *,
    seen_at: float | None = None,
) -> Stored:
    """Store messages with `also` in the same transaction.

    A message that cannot be stored is quarantined and the others go on (P17). Raises
    StoreUnavailable, after which nothing has changed.
    """

    def work(unit: Unit) -> Stored:
        stored = messages.store(unit, place, contents, seen_at=seen_at)
        also(unit, stored)
        return stored

    try:
        return await database.write(work)
    except StoreUnavailable:
        raise
    except Exception:
        # One of them is poison to the store. Which one is found by storing each alone; the
        # cursor moves only after all of them have an outcome.
        log.exception("batch_refused", folder_id=place.folder, messages=len(contents))
        return await _one_by_one(database, place, contents, also, seen_at)


def _contents(fetched: Sequence[Fetched]) -> list[tuple[Uid, Content]]:
    return [(one.uid, content_of(one)) for one in fetched]


async def _one_by_one(
    database: Database,
    place: Place,
    contents: Sequence[tuple[Uid, Content]],
    also: Also,
    seen_at: float | None,
) -> Stored:
    new = size = 0
    for uid, content in contents:
        try:
            stored = await database.write(partial(_store_one, place, uid, content, seen_at))
        except StoreUnavailable:
            raise
        except Exception as error:
            log.exception("message_quarantined", folder_id=place.folder, uid=uid)
            await _quarantine(database, place, uid, content, error)
        else:
            new, size = new + stored.new, size + stored.size
    total = Stored(new, size)
    await database.write(lambda unit: also(unit, total))
    return total


def _store_one(
    place: Place, uid: Uid, content: Content, seen_at: float | None, unit: Unit
) -> Stored:
    return messages.store(unit, place, [(uid, content)], seen_at=seen_at)


async def _quarantine(
    database: Database, place: Place, uid: Uid, content: Content, error: Exception
) -> None:
    await database.write(
        lambda unit: ledger.quarantine(
            unit,
            place.folder,
            place.uidvalidity,
            uid,
            reason=ledger.Reason.UNREADABLE,
            # The class only: a database error's text holds the values, thus the message.
            error=type(error).__name__,
            zstd=content.zstd,
        )
    )


def content_of(fetched: Fetched) -> Content:
    """Everything that is stored of one message. Pure; never raises on mail."""
    parsed = parse(fetched.raw)
    return Content(
        sha256=hashlib.sha256(fetched.raw).digest(),
        size=len(fetched.raw),
        internal_date=fetched.internal_date,
        zstd=zstandard.compress(fetched.raw, ZSTD_LEVEL),
        date=parsed.date,
        subject=parsed.subject,
        message_id=parsed.message_id,
        references=tuple(dict.fromkeys(threads.digest(one) for one in _relatives(parsed))),
        people=_people(parsed),
        sender_keys=_keys(parsed.from_) or _keys(parsed.sender),
        address_keys=frozenset(
            key for _, one in parsed.people() if (key := normalise(one.address)) is not None
        ),
        people_text=" ".join(f"{one.name} {one.address}" for _, one in parsed.people()),
        snippet=" ".join(parsed.text[: 4 * SNIPPET_CHARACTERS].split())[:SNIPPET_CHARACTERS],
        body=parsed.text,
        attachments=len(parsed.attachments),
        problems=parsed.problems,
        labels=fetched.labels,
    )


def _keys(people: Sequence[Address]) -> frozenset[AddressKey]:
    return frozenset(key for one in people if (key := normalise(one.address)) is not None)


def _relatives(parsed: ParsedMessage) -> list[str]:
    ids = [parsed.message_id, *parsed.references, *parsed.in_reply_to]
    return [one for one in ids if one]


def _people(parsed: ParsedMessage) -> messages.People:
    people: messages.People = {}
    for name, one in parsed.people():
        people.setdefault(name, []).append([one.name, one.address])
    return people
