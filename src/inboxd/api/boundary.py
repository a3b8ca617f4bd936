"""The outermost wall of the API: no mistake of ours passes it, no endless body, no silent change.

It logs each change with its caller, and each unexpected exception once: by its type and its
places in the code, never by its text, which may quote mail, an address or a password.
"""

from __future__ import annotations

import traceback
from pathlib import Path

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inboxd.api import problems
from inboxd.api.peer import UNKNOWN

MAX_BODY = 32 * 1024 * 1024
"""Bytes. A million contacts are about 50 bytes each; nothing else that is sent comes near."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})

log = structlog.stdlib.get_logger("inboxd.api")


class Boundary:
    """An ASGI middleware around everything that can fail."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status: int | None = None

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, _bounded(receive), watched)
        except Exception as error:  # noqa: BLE001 - the one place where everything must stop
            log.error(
                "api_mistake", error=type(error).__name__, where=_places(error), **_what(scope)
            )
            if status is None:
                await problems.unexpected()(scope, receive, watched)
            # Else the response breaks off, and the server closes the connection on it.
        if scope["method"] not in _READING:
            caller = scope.get("state", {}).get("caller", UNKNOWN)
            log.info("api_change", caller=caller, status=status, **_what(scope))


def _bounded(receive: Receive) -> Receive:
    left = MAX_BODY

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, f"A request's body may have {MAX_BODY} bytes: send less.")
        return message

    return bounded


def _what(scope: Scope) -> dict[str, str]:
    """The request by its operation: the path itself may hold somebody's address."""
    operation = getattr(scope.get("endpoint"), "__name__", "none")
    parts = scope.get("path_params", {})
    account = {"account": str(parts["account"])} if "account" in parts else {}
    return {"method": scope["method"], "operation": operation, **account}


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames]
