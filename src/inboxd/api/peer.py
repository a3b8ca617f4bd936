"""Who is asking: the user at the other end of the Unix socket, as the kernel tells it."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Annotated, cast

from fastapi import Depends, Request
from uvicorn.protocols.http.h11_impl import H11Protocol

UNKNOWN = "uid unknown"
"""Where there is no socket to ask: requests made inside the process."""

_UCRED = struct.Struct("iII")
"""unix(7), SO_PEERCRED: pid, uid, gid at the moment of connect."""


class PeerProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 connection that puts its peer into the state of each request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask the kernel once per connection: the answer cannot change while it lasts.

        The argument is narrower than asyncio's, as uvicorn's own is.
        """
        super().connection_made(transport)
        self.app_state = {**self.app_state, "caller": peer_of(transport)}


def peer_of(transport: asyncio.BaseTransport) -> str:
    """The peer as journals and logs spell it: `uid 1000`."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return UNKNOWN
    _pid, uid, _gid = _UCRED.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    )
    return f"uid {uid}"


async def caller_of(request: Request) -> str:
    """The caller of one request."""
    return cast("str", getattr(request.state, "caller", UNKNOWN))


Caller = Annotated[str, Depends(caller_of)]
