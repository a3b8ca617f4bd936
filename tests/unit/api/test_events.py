"""The event stream: gapless, resumable, alive, and it ends with its reader or the daemon (P33)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest

from inboxd.api import stream as streams
from inboxd.model.errors import StoreUnavailable
from inboxd.model.events import Event
from unit.api.conftest import Served
from unit.api.fake_desk import FakeDesk


class Reader:
    """Reads a stream frame by frame."""

    def __init__(self, response: httpx2.Response) -> None:
        self._lines = response.aiter_lines()

    async def frame(self) -> list[str]:
        """The lines up to the next empty one; nothing at the end."""
        lines: list[str] = []
        async for line in self._lines:
            if not line:
                return lines
            lines.append(line)
        return lines

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The next events, each frame checked against its content."""
        found = []
        for _ in range(count):
            seq, kind, data = await self.frame()
            event = json.loads(data.removeprefix("data: "))
            assert seq == f"id: {event['seq']}"
            assert kind == f"event: {event['type']}"
            found.append(event)
        return found


@asynccontextmanager
async def reading(served: Served, query: str = "", **headers: str) -> AsyncIterator[Reader]:
    """Read the stream of events."""
    with anyio.fail_after(10):
        async with (
            served.client() as client,
            client.stream("GET", f"/v1/events{query}", headers=headers) as response,
        ):
            assert response.headers["content-type"] == "text/event-stream"
            yield Reader(response)


async def test_events_are_replayed_from_any_number_then_followed(
    served: Served, desk: FakeDesk
) -> None:
    desk.happen(3)
    async with reading(served, "?after=1") as reader:
        assert [one["seq"] for one in await reader.events(2)] == [2, 3]
        desk.happen(2)
        assert [one["seq"] for one in await reader.events(2)] == [4, 5]


async def test_an_event_is_spelled_as_promised(served: Served, desk: FakeDesk) -> None:
    desk.happen()
    async with reading(served) as reader:
        assert await reader.events(1) == [
            {
                "seq": 1,
                "type": "message.stored",
                "time": "2026-01-05T12:00:00Z",
                "account": 1,
                "data": {"message": 1, "subject": "Über\nuns \u2028"},
            }
        ]


async def test_a_reader_s_own_last_event_id_outdoes_after(served: Served, desk: FakeDesk) -> None:
    desk.happen(5)
    async with reading(served, "?after=0", **{"last-event-id": "4"}) as reader:
        assert [one["seq"] for one in await reader.events(1)] == [5]


@pytest.mark.parametrize("count", [1, streams.BATCH, streams.BATCH + 1, 3 * streams.BATCH])
async def test_a_replay_of_any_length_has_no_gap_and_no_double(
    served: Served, desk: FakeDesk, count: int
) -> None:
    desk.happen(count)
    async with reading(served) as reader:
        assert [one["seq"] for one in await reader.events(count)] == [*range(1, count + 1)]
        desk.happen()
        assert [one["seq"] for one in await reader.events(1)] == [count + 1]


async def test_historical_events_come_only_when_asked_for_and_marked(
    served: Served, desk: FakeDesk
) -> None:
    desk.happen()
    desk.happen(2, historical=True)
    desk.happen()
    async with reading(served) as reader:
        assert [one["seq"] for one in await reader.events(2)] == [1, 4]
    async with reading(served, "?historical=true") as reader:
        marks = [(one["seq"], one.get("historical")) for one in await reader.events(4)]
        assert marks == [(1, None), (2, True), (3, True), (4, None)]


async def test_what_was_left_out_is_not_read_again(served: Served, desk: FakeDesk) -> None:
    desk.happen(50, historical=True)
    async with reading(served) as reader:
        await anyio.wait_all_tasks_blocked()
        desk.happen()
        await reader.events(1)
    asked_after = [call[1] for call in desk.calls if call[0] == "events"]
    assert asked_after[:2] == ["0", "50"]


async def test_events_between_the_reading_and_the_waiting_are_not_lost(
    served: Served, desk: FakeDesk
) -> None:
    plain = desk.events
    late = iter([True])

    async def racing(after: int, limit: int, *, historical: bool) -> tuple[Event, ...]:
        found = await plain(after, limit, historical=historical)
        if next(late, False):
            desk.happen()
        return found

    desk.events = racing  # type: ignore[method-assign]  # this one test's racing desk
    async with reading(served) as reader:
        assert [one["seq"] for one in await reader.events(1)] == [1]


async def test_a_silent_stream_is_kept_alive_by_comments(
    served: Served, monkeypatch: pytest.MonkeyPatch, desk: FakeDesk
) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE_SECONDS", 0.01)
    async with reading(served) as reader:
        assert await reader.frame() == [": keep-alive"]
        assert await reader.frame() == [": keep-alive"]
        desk.happen()
        frame = await reader.frame()
        while frame == [": keep-alive"]:
            frame = await reader.frame()
        assert frame[0] == "id: 1"


async def test_a_stream_that_leaves_a_long_history_out_is_kept_alive_too(
    served: Served, monkeypatch: pytest.MonkeyPatch, desk: FakeDesk
) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE_SECONDS", 0.01)
    plain = desk.events

    async def never_quiet(after: int, limit: int, *, historical: bool) -> tuple[Event, ...]:
        found = await plain(after, limit, historical=historical)
        desk.happen(historical=True)
        await anyio.lowlevel.checkpoint()
        return found

    desk.events = never_quiet  # type: ignore[method-assign]  # this one test's busy desk
    async with reading(served) as reader:
        assert await reader.frame() == [": keep-alive"]


async def test_the_daemon_s_end_ends_the_stream_cleanly(served: Served, desk: FakeDesk) -> None:
    desk.happen()
    async with reading(served) as reader:
        await reader.events(1)
        served.stopping.set()
        assert await reader.frame() == []
    with anyio.fail_after(1):
        await served.ended.wait()


@pytest.mark.usefixtures("short_grace")
async def test_a_reader_that_reads_nothing_does_not_hold_up_the_end(
    served: Served, desk: FakeDesk
) -> None:
    desk.happen(20_000)
    async with await anyio.connect_unix(served.path) as stream:
        await stream.send(b"GET /v1/events HTTP/1.1\r\nHost: inboxd\r\n\r\n")
        await stream.receive(100)
        served.stopping.set()
        with anyio.fail_after(5):
            await served.ended.wait()


async def test_a_reader_that_goes_leaves_nothing_behind(served: Served, desk: FakeDesk) -> None:
    gone = anyio.Event()
    plain = desk.hub.wait_beyond

    async def noticed(seq: int) -> int:
        try:
            return await plain(seq)
        finally:
            gone.set()

    desk.hub.wait_beyond = noticed  # type: ignore[method-assign,assignment]  # seen from outside
    async with reading(served):
        await anyio.wait_all_tasks_blocked()
    with anyio.fail_after(5):
        await gone.wait()


async def test_without_its_store_the_stream_ends_for_the_reader_to_come_back(
    served: Served, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_after: int, _limit: int, *, historical: bool) -> tuple[Event, ...]:
        raise StoreUnavailable(f"The disk is full ({historical}).")

    desk.happen()
    async with reading(served) as reader:
        await reader.events(1)
        monkeypatch.setattr(desk, "events", away)
        desk.happen()
        assert await reader.frame() == []


async def test_a_page_of_events_is_a_plain_list(api: httpx2.AsyncClient, desk: FakeDesk) -> None:
    desk.happen(5)
    first = (await api.get("/v1/events?follow=false&limit=3")).json()
    assert [one["seq"] for one in first["items"]] == [1, 2, 3]
    rest = (await api.get(f"/v1/events?follow=false&limit=3&after={first['next']}")).json()
    assert [one["seq"] for one in rest["items"]] == [4, 5]
    assert rest["next"] is None
