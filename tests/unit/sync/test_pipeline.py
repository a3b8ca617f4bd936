"""The pipeline of a history: how much is under way, of one account and of all together."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, cast

import anyio
import pytest

from inboxd.sync.pipeline import ROOMS, Pipeline, Shared, open_pipeline
from inboxd.sync.plan import STEPS

NO_DATABASE = cast("Any", None)
NOTHING_ELSE = cast("Any", None)


class Wanting:
    """A history that takes all rooms it can get."""

    def __init__(self) -> None:
        self.taken = 0

    async def take(self, pipeline: Pipeline) -> None:
        while True:
            await pipeline.room()
            self.taken += 1


async def taken_by(shared: Shared, histories: int) -> list[int]:
    """How many steps each of so many histories gets to fetch before anything is committed."""
    wanting = [Wanting() for _ in range(histories)]
    async with anyio.create_task_group() as tasks, AsyncExitStack() as pipelines:
        for one in wanting:
            opening = open_pipeline(NO_DATABASE, shared, NOTHING_ELSE)
            tasks.start_soon(one.take, await pipelines.enter_async_context(opening))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    return [one.taken for one in wanting]


async def test_one_history_has_a_batch_under_way() -> None:
    """P10."""
    assert await taken_by(Shared(), 1) == [STEPS]


async def test_many_histories_together_take_no_more_than_there_is_room_for() -> None:
    taken = await taken_by(Shared(), 100)
    assert sum(taken) == ROOMS
    assert max(taken) <= STEPS


async def test_a_history_that_is_cut_off_gives_its_rooms_back() -> None:
    shared = Shared()
    for _ in range(3):
        assert sum(await taken_by(shared, 100)) == ROOMS
    with pytest.raises(ExceptionGroup):
        async with open_pipeline(NO_DATABASE, shared, NOTHING_ELSE) as pipeline:
            await pipeline.room()
            raise ValueError
    assert sum(await taken_by(shared, 100)) == ROOMS
