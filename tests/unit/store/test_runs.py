"""A history whose start date changes while it runs (P12)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inboxd.model.conditions import History
from inboxd.model.ids import RunId, Uid
from inboxd.store import ledger, runs
from inboxd.store.database import Unit
from inboxd.store.ledger import Reason
from inboxd.store.runs import RunKind
from unit.store.conftest import VALIDITY, Shelf

MARCH, MAY = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
LEFT_OUT = [
    (Uid(1), Reason.BEFORE_START),
    (Uid(2), Reason.BEFORE_START),
    (Uid(3), Reason.NOT_A_CONTACT),
]

pytestmark = pytest.mark.anyio


def finished(unit: Unit, shelf: Shelf) -> RunId:
    """A run since May whose one folder is gone through."""
    run = runs.start(
        unit,
        shelf.account,
        RunKind.FIRST,
        since="1m",
        start_at=MAY,
        history=History.CONTACTS,
        labels="all",
    )
    runs.add_folder(
        unit,
        run,
        shelf.inbox.id,
        position=0,
        uidvalidity=VALIDITY,
        first_uid=Uid(1),
        below_uid=Uid(4),
        total=3,
    )
    ledger.skip(unit, shelf.inbox.id, VALIDITY, LEFT_OUT)
    runs.move_cursor(unit, run, shelf.inbox.id, Uid(1), decided=3, stored=0, size=0)
    runs.finish_folder(unit, run, shelf.inbox.id)
    return run


async def test_a_wider_start_opens_again_what_was_too_old(shelf: Shelf) -> None:
    """P12; whom P6 left out stays out."""
    run = await shelf.database.write(lambda unit: finished(unit, shelf))
    await shelf.database.write(lambda unit: runs.set_start(unit, run, "3m", MARCH))
    [part] = await shelf.database.read(runs.folders, run)
    decided = await shelf.database.read(ledger.decided, shelf.inbox.id, VALIDITY)
    assert (part.finished_at, part.cursor_uid, part.done, part.total) == (None, 4, 1, 3)
    assert list(decided) == [3]


async def test_a_narrower_start_leaves_what_is_done(shelf: Shelf) -> None:
    """P12."""
    run = await shelf.database.write(lambda unit: finished(unit, shelf))
    await shelf.database.write(lambda unit: runs.set_start(unit, run, "1w", MAY.replace(day=20)))
    [part] = await shelf.database.read(runs.folders, run)
    decided = await shelf.database.read(ledger.decided, shelf.inbox.id, VALIDITY)
    assert part.finished_at is not None
    assert list(decided) == [1, 2, 3]
