"""Threads of real mailboxes: as a hand-written forest has them, in whatever order they arrive."""

from __future__ import annotations

import json
import random
from collections.abc import Container, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from corpus.known import KNOWN
from inboxd.clock import SystemClock
from inboxd.mime.parse import parse
from inboxd.model.ids import AccountId, Uid
from inboxd.model.messages import ParsedMessage
from inboxd.model.server import Fetched
from inboxd.store import folders, messages, tables
from inboxd.store.database import Database, Unit, open_database
from inboxd.store.messages import Content, Place
from inboxd.sync.intake import content_of
from unit.store.conftest import VALIDITY, two_folders

ORDERS = 5
"""Shuffles of each mailbox, each in batches of another size: 1, 2, 3 and so on."""

ARRIVED = datetime(2003, 1, 1, tzinfo=UTC)

WITH_TREE = ("testbox", "testbox-2", "testbox-3", "testbox-4", "testbox-8", "testbox-9")
WITHOUT_TREE = ("testbox-5", "testbox-6", "testbox-7")
"""References in circles and the like: they only have to come to an end."""

Threads = dict[str, int]
"""Message-ID -> the thread it is in."""


def mailboxes(corpus: Path) -> dict[str, Any]:
    written = (corpus / "expected" / "mail-thread-perl.json").read_text("utf-8")
    boxes: dict[str, Any] = json.loads(written)["mboxes"]
    return boxes


def contents(corpus: Path, box: Any) -> list[Content]:
    return [
        content_of(Fetched(Uid(1), len(raw), ARRIVED, raw))
        for raw in ((corpus / name).read_bytes() for name in box["files_in_order"])
    ]


def joined_by_subject(corpus: Path) -> dict[str, ParsedMessage]:
    """By Message-ID: what stands in a tree by its subject alone."""
    named = [file for file, field in KNOWN if field == "thread"]
    found = [parse((corpus / file).read_bytes()) for file in named]
    return {one.message_id: one for one in found}


def forest(box: Any, apart: Container[str]) -> Threads:
    """The number of the tree that each Message-ID stands in; absent messages among them.

    A message that is to be `apart` begins a tree of its own, with those below it.
    """
    found: Threads = {}
    above: list[int] = []
    for number, (depth, _, message_id) in enumerate(box["tree_depth_subject_msgid"]):
        del above[depth:]
        above.append(above[-1] if above and message_id not in apart else number)
        found[message_id] = above[-1]
    return found


def stored_threads(connection: Connection, account: AccountId) -> Threads:
    table = tables.message
    rows = connection.execute(
        select(table.c.message_id, table.c.thread_id).where(table.c.account_id == account)
    )
    return {row.message_id: row.thread_id for row in rows}


async def thread(path: Path, arriving: Sequence[Content], batch: int) -> Threads:
    """What a new store makes of messages that arrive in this order, so many at a time."""
    async with open_database(path, SystemClock(), lambda _: None) as database:
        account = await database.write(two_folders)
        _, inbox = await database.read(folders.of_account, account)
        place = Place(account, inbox.id, inbox.name, VALIDITY, "private", historical=False)
        numbered = [(Uid(number), one) for number, one in enumerate(arriving, start=1)]
        for start in range(0, len(numbered), batch):
            await put(database, place, numbered[start : start + batch])
        return await database.read(stored_threads, account)


async def put(database: Database, place: Place, some: Sequence[tuple[Uid, Content]]) -> None:
    def work(unit: Unit) -> None:
        messages.store(unit, place, some)

    await database.write(work)


def pairs(threads: Threads) -> set[tuple[str, str]]:
    """Every two messages of one thread."""
    return {
        pair for pair in combinations(sorted(threads), 2) if threads[pair[0]] == threads[pair[1]]
    }


def shuffled(arriving: list[Content], number: int) -> list[Content]:
    return random.Random(number).sample(arriving, len(arriving)) if number else arriving


@pytest.mark.parametrize("order", range(ORDERS))
@pytest.mark.parametrize("name", WITH_TREE)
async def test_two_messages_share_a_thread_exactly_when_they_stand_in_one_tree(
    name: str, order: int, corpus: Path, tmp_path: Path
) -> None:
    box = mailboxes(corpus)[name]
    arriving = shuffled(contents(corpus, box), order)
    found = await thread(tmp_path / "inboxd.db", arriving, order + 1)
    told = forest(box, joined_by_subject(corpus))
    assert found.keys() <= told.keys()
    assert pairs(found) == pairs({message_id: told[message_id] for message_id in found})


@pytest.mark.parametrize("order", range(ORDERS))
@pytest.mark.parametrize("name", WITHOUT_TREE)
async def test_references_in_circles_come_to_an_end(
    name: str, order: int, corpus: Path, tmp_path: Path
) -> None:
    arriving = contents(corpus, mailboxes(corpus)[name])
    found = await thread(tmp_path / "inboxd.db", shuffled(arriving, order), order + 1)
    assert found.keys() == {one.message_id for one in arriving}


def test_every_mailbox_is_tried(corpus: Path) -> None:
    boxes = mailboxes(corpus)
    with_tree = {name for name, box in boxes.items() if box["tree_depth_subject_msgid"]}
    assert with_tree == set(WITH_TREE)
    assert boxes.keys() - with_tree == set(WITHOUT_TREE)


def test_what_is_joined_by_its_subject_alone_refers_to_no_message(corpus: Path) -> None:
    for one in joined_by_subject(corpus).values():
        assert (one.in_reply_to, one.references) == ((), ())
