"""What routes are given: the desk, the daemon's end, and checked parts of a path."""

from __future__ import annotations

from typing import Annotated, cast

import anyio
from fastapi import Depends, Path, Request

from inboxd.api.ports import Desk

MAX_ID = 2**63 - 1
"""SQLite's largest integer: a larger number is no id, and would be an error further down."""


async def _desk(request: Request) -> Desk:
    return cast("Desk", request.app.state.desk)


async def _stopping(request: Request) -> anyio.Event:
    return cast("anyio.Event", request.app.state.stopping)


GivenDesk = Annotated[Desk, Depends(_desk)]
Stopping = Annotated[anyio.Event, Depends(_stopping)]

AccountRef = Annotated[
    str, Path(description="The account's id or its e-mail address.", examples=["anna@example.org"])
]
RowId = Annotated[int, Path(ge=1, le=MAX_ID, examples=[1])]
