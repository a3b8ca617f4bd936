"""What Sync would bring, before it is pressed (P9): much is read, nothing is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import anyio.to_thread

from inboxd.mime.people import headers_people
from inboxd.model.conditions import NOW, Conditions, History, Presets, start_of_history
from inboxd.model.errors import CommandRefused
from inboxd.model.ids import FolderName, WireName
from inboxd.model.labels import Selection
from inboxd.model.proof import Alternative, Preview
from inboxd.model.server import Metadata, UidSet
from inboxd.store import accounts, contacts, folders, runs
from inboxd.store.folders import Folder
from inboxd.sync.intake import content_of
from inboxd.sync.plan import P6_FIELDS, Rules
from inboxd.sync.session import Session

WINDOW = 1_000
"""UIDs read at once, as the history reads them."""

SAMPLE_MESSAGES = 20
SAMPLE_BYTES = 1024 * 1024
"""Fetched to measure the server's speed where no history was measured yet: enough for a rate, and
a second on a slow line."""

STORING = 2.0
"""Storing takes about as long as parsing once more and indexing: twice the parsing (measured)."""

LEAST_MEASURED_BYTES = 1024 * 1024
"""A finished history smaller than this tells nothing about the speed of a large one."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast mail comes in."""

    seconds_per_message: float
    seconds_per_byte: float
    measured_on: str

    def seconds(self, messages: int, size: int) -> float:
        """About how long so much takes."""
        return messages * self.seconds_per_message + size * self.seconds_per_byte


@dataclass(slots=True)
class _Tally:
    """One alternative while it is counted."""

    since: str
    rules: Rules
    messages: int = 0
    bytes: int = 0
    by_folder: dict[FolderName, tuple[int, int]] = field(default_factory=dict)

    def add(self, folder: FolderName, one: Metadata) -> None:
        self.messages += 1
        self.bytes += one.size
        count, size = self.by_folder.get(folder, (0, 0))
        self.by_folder[folder] = (count + 1, size + one.size)


async def preview(session: Session, conditions: Conditions, presets: Presets) -> Preview:
    """Count what each start date and scope would bring under the chosen labels.

    Raises what the connection raises.
    """
    tallies = await _tallies(session, presets)
    stored = await session.ground.database.read(folders.of_account, session.account)
    listed = [one for one in stored if one.listed and one.selectable]
    selection = Selection.of(conditions.labels, listed)
    newest: tuple[bytes, Metadata] | None = None
    for folder in listed:
        if folder.name not in selection.folders:
            continue
        try:
            await session.imap.examine(folder.wire_name)
        except CommandRefused:
            continue
        best = await _count(session, folder, selection, tallies)
        if best is not None and (newest is None or best.internal_date > newest[1].internal_date):
            newest = (folder.wire_name, best)
    speed = await _speed(session, newest)
    rows = [*_now(conditions), *(_alternative(one, conditions, speed) for one in tallies)]
    asked = next((one for one in tallies if _is_chosen(one, conditions)), None)
    by_folder: Mapping[FolderName, tuple[int, int]] = {} if asked is None else asked.by_folder
    return Preview(
        tuple(rows),
        tuple((name, count, size) for name, (count, size) in sorted(by_folder.items())),
        speed.measured_on,
    )


async def _tallies(session: Session, presets: Presets) -> list[_Tally]:
    database = session.ground.database
    account = await database.read(accounts.get, session.account)
    now = session.ground.clock.now()
    known = await database.read(contacts.keys_at, now)
    limit = session.ground.settings.limits.message_bytes
    tallies = []
    for since in presets:
        start = start_of_history(
            since, pressed_at=now, zone=account.settings.zone, presets=presets
        )
        if start is None:
            continue
        tallies += [_Tally(since, Rules(start, now, scope, known, limit)) for scope in History]
    return tallies


async def _count(
    session: Session, folder: Folder, selection: Selection, tallies: list[_Tally]
) -> Metadata | None:
    """Count one folder into every tally; gives its newest message."""
    left = await session.imap.search_uids()
    earliest: datetime = min(one.rules.start_at for one in tallies)
    newest: Metadata | None = None
    while left:
        window = left.newest(WINDOW)
        left = left - window
        described = await session.imap.fetch_metadata(window)
        recent = [
            one
            for one in described
            if one.internal_date >= earliest and selection.takes(folder, one.labels)
        ]
        for one in recent:
            if newest is None or one.internal_date > newest.internal_date:
                newest = one
        people = await _people(session, recent, tallies)
        for one in recent:
            for tally in tallies:
                if tally.rules.by_metadata(one) is None and (
                    tally.rules.history is History.EVERYONE or one.uid in people
                ):
                    tally.add(folder.name, one)
    return newest


async def _people(session: Session, recent: list[Metadata], tallies: list[_Tally]) -> set[int]:
    """The UIDs of mail with a contact in it."""
    rules = next((t.rules for t in tallies if t.rules.history is History.CONTACTS), None)
    if rules is None or not recent:
        return set()
    headers = await session.imap.fetch_headers(UidSet.of(one.uid for one in recent), P6_FIELDS)

    def look() -> set[int]:
        return {one.uid for one in headers if rules.by_people(headers_people(one.header)) is None}

    return await anyio.to_thread.run_sync(look)


def _now(conditions: Conditions) -> Iterator[Alternative]:
    yield Alternative(NOW, None, 0, 0, 0.0, conditions.since == NOW)


def _alternative(tally: _Tally, conditions: Conditions, speed: Speed) -> Alternative:
    return Alternative(
        tally.since,
        tally.rules.history,
        tally.messages,
        tally.bytes,
        round(speed.seconds(tally.messages, tally.bytes), 3),
        _is_chosen(tally, conditions),
    )


def _is_chosen(tally: _Tally, conditions: Conditions) -> bool:
    return (tally.since, tally.rules.history) == (conditions.since, conditions.history)


async def _speed(session: Session, newest: tuple[bytes, Metadata] | None) -> Speed:
    measured = await session.ground.database.read(runs.measured, LEAST_MEASURED_BYTES)
    if measured is not None:
        return Speed(0.0, measured.seconds / measured.bytes, "history")
    return await _sampled(session, newest)


async def _sampled(session: Session, newest: tuple[bytes, Metadata] | None) -> Speed:
    """Fetch and parse a few of the newest messages, and keep nothing of them."""
    if newest is None:
        return Speed(0.0, 0.0, "sample")
    await session.imap.examine(WireName(newest[0]))
    uids = (await session.imap.search_uids()).newest(SAMPLE_MESSAGES)
    sample: list[Metadata] = []
    size = 0
    for one in await session.imap.fetch_metadata(uids):
        if size + one.size <= SAMPLE_BYTES:
            sample.append(one)
            size += one.size
    began = time.monotonic()
    fetched = await session.imap.fetch_bodies(UidSet.of(one.uid for one in sample))
    received = time.monotonic()

    def parse_all() -> None:
        for one in fetched:
            content_of(one)

    await anyio.to_thread.run_sync(parse_all)
    parsed = time.monotonic()
    if not fetched:
        return Speed(0.0, 0.0, "sample")
    # Fetching goes on while what came before is parsed and stored; the slower of the two counts.
    seconds = max(received - began, (parsed - received) * STORING)
    return Speed(seconds / len(fetched) / 2, seconds / max(1, size) / 2, "sample")
