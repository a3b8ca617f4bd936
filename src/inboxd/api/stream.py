"""Events as an event stream (SSE): replayed in batches, then each as soon as it is committed.

An ASGI response of its own, because a generator cannot be woken by the daemon's end, and a
model per event would cost more than reading the event from disk.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

import anyio
from fastapi.responses import Response
from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from inboxd.api.ports import Desk
from inboxd.model.errors import InboxdError
from inboxd.model.events import Event

BATCH = 500
"""Events per read of the store and per write: about 150 kB, so a slow reader costs little."""

KEEP_ALIVE_SECONDS = 15.0
"""HTML Living Standard 9.2.7 advises a comment line every 15 seconds."""

_KEEP_ALIVE = b": keep-alive\n\n"


def spelled(event: Event) -> dict[str, Any]:
    """One event as the API spells it; `historical` is there only when true."""
    fields: dict[str, Any] = {
        "seq": event.seq,
        "type": event.type.value,
        "time": event.time,
        "account": event.account,
        "data": event.data,
    }
    if event.historical:
        fields["historical"] = True
    return fields


def frames(events: Sequence[Event]) -> bytes:
    """The same events as they stand in the stream.

    In ASCII: the rule knows only CR and LF as line breaks, and JSON escapes those, but many
    clients also split at U+2028 or U+0085, which any subject may hold.
    """
    return b"".join(
        b"id: %d\nevent: %s\ndata: %s\n\n"
        % (event.seq, event.type.value.encode(), to_json(spelled(event), ensure_ascii=True))
        for event in events
    )


class EventStream(Response):
    """One reader's stream, from its first byte until the reader or the daemon goes."""

    media_type = "text/event-stream"

    def __init__(
        self,
        desk: Desk,
        stopping: anyio.Event,
        *,
        after: int,
        historical: bool,
    ) -> None:
        super().__init__(headers={"content-type": self.media_type, "cache-control": "no-store"})
        # A stream has no length; the base class counted an empty body.
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        self._desk = desk
        self._stopping = stopping
        self._position = after
        self._historical = historical
        self._over = False
        self._waiting = anyio.CancelScope()
        self._sent_at = time.monotonic()

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002 - the signature is ASGI's
        receive: Receive,
        send: Send,
    ) -> None:
        """Send events until somebody goes."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._until_reader_goes, receive)
            group.start_soon(self._until_daemon_goes)
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            # Without its store the stream ends; its reader comes back and misses nothing.
            with contextlib.suppress(InboxdError):
                await self._feed(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            group.cancel_scope.cancel()

    async def _feed(self, send: Send) -> None:
        while True:
            # Read before the events: everything up to here is among those that come back.
            known = self._desk.hub.last
            batch = await self._desk.events(self._position, BATCH, historical=self._historical)
            if batch:
                self._position = batch[-1].seq
                await self._send_on(send, frames(batch))
            elif time.monotonic() - self._sent_at >= KEEP_ALIVE_SECONDS:
                # Woken again and again by what this reader leaves out: a long history.
                await self._send_on(send, _KEEP_ALIVE)
            if len(batch) < BATCH:
                # Also past what was left out, or each wake-up would read through it again.
                self._position = max(self._position, known)
                await self._wait(send)
            if self._over:
                return

    async def _wait(self, send: Send) -> None:
        while not self._over:
            # Only this wait is cancelled from outside: a read of the store is left to finish.
            with anyio.move_on_after(KEEP_ALIVE_SECONDS) as self._waiting:
                await self._desk.hub.wait_beyond(self._position)
                return
            if not self._over:
                await self._send_on(send, _KEEP_ALIVE)

    async def _send_on(self, send: Send, body: bytes) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": True})
        self._sent_at = time.monotonic()

    async def _until_reader_goes(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._end()

    async def _until_daemon_goes(self) -> None:
        await self._stopping.wait()
        self._end()

    def _end(self) -> None:
        self._over = True
        self._waiting.cancel()
