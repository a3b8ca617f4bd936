"""Pure decisions: what of a history is wanted, and in which steps its bodies are fetched."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inboxd.config.model import Sync
from inboxd.model.conditions import History
from inboxd.model.ids import AddressKey, Uid
from inboxd.model.server import Metadata, UidSet
from inboxd.store.ledger import Reason

P6_FIELDS = ("FROM", "SENDER", "REPLY-TO", "TO", "CC", "BCC")
"""The header fields that decide whether a historical message is a contact's (P6)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a history run takes."""

    start_at: datetime
    pressed_at: datetime
    history: History
    contacts: Container[AddressKey]
    """The contacts of the moment of Sync; looked at only for `contacts`."""
    message_bytes: int
    """Larger messages are not fetched."""

    def by_metadata(self, one: Metadata) -> Reason | None:
        """Why the message is left out, as far as its metadata tell."""
        if one.internal_date < self.start_at:
            return Reason.BEFORE_START
        return Reason.TOO_LARGE if one.size > self.message_bytes else None

    def asks_for_people(self, one: Metadata) -> bool:
        """Whether its header must be read to decide.

        What came after Sync was pressed but before the ranges were frozen is future mail: P7
        takes all of it.
        """
        return self.history is History.CONTACTS and one.internal_date < self.pressed_at

    def by_people(self, people: Iterable[AddressKey]) -> Reason | None:
        """Why the message is left out, when nobody in it is a contact (P6)."""
        return None if any(key in self.contacts for key in people) else Reason.NOT_A_CONTACT


STEPS = 3
"""A batch is cut into so many steps, which are under way together: one is on the wire, one is
being read, one is being committed. A fourth would cost its memory and gain nothing (measured)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is fetched, and committed, at once: a step."""

    most_bytes: int
    most_messages: int

    @classmethod
    def of(cls, settings: Sync) -> Bounds:
        """A step's share of a batch."""
        return cls(max(1, settings.batch_bytes // STEPS), max(1, settings.batch_messages // STEPS))

    def end_before(self, following: Metadata, size: int, count: int) -> bool:
        """Whether `count` messages of `size` bytes together leave no room for one more."""
        return size + following.size > self.most_bytes or count >= self.most_messages


@dataclass(frozen=True, slots=True)
class Step:
    """What is fetched and committed together, with everything decided beside it."""

    wanted: tuple[Metadata, ...]
    """Newest first."""
    skipped: tuple[tuple[Uid, Reason], ...]
    cursor: Uid
    """Once the step is committed, every UID from here up is decided."""

    @property
    def size(self) -> int:
        """Bytes to fetch, as announced."""
        return sum(one.size for one in self.wanted)

    @property
    def uids(self) -> UidSet:
        """What to fetch."""
        return UidSet.of(one.uid for one in self.wanted)


def steps(
    window: UidSet, metadata: Sequence[Metadata], left_out: Mapping[Uid, Reason], bounds: Bounds
) -> Iterator[Step]:
    """Cut a window of UIDs into steps, newest first (P10).

    A step ends before it would exceed its bounds; a larger message is a step of its own. The last
    step's cursor is the window's lowest UID, so a UID that the server listed and then did not
    describe never holds the cursor back.
    """
    lowest = window.intervals[0][0]
    wanted: list[Metadata] = []
    skipped: list[tuple[Uid, Reason]] = []
    size = 0
    for one in sorted(metadata, key=lambda each: each.uid, reverse=True):
        reason = left_out.get(one.uid)
        if reason is not None:
            skipped.append((one.uid, reason))
            continue
        if wanted and bounds.end_before(one, size, len(wanted)):
            yield Step(tuple(wanted), tuple(skipped), Uid(one.uid + 1))
            wanted, skipped, size = [], [], 0
        wanted.append(one)
        size += one.size
    yield Step(tuple(wanted), tuple(skipped), Uid(lowest))


def fetches(metadata: Iterable[Metadata], bounds: Bounds) -> Iterator[tuple[Metadata, ...]]:
    """Cut messages, oldest first, into what one FETCH brings."""
    some: list[Metadata] = []
    size = 0
    for one in sorted(metadata, key=lambda each: each.uid):
        if some and bounds.end_before(one, size, len(some)):
            yield tuple(some)
            some, size = [], 0
        some.append(one)
        size += one.size
    if some:
        yield tuple(some)
