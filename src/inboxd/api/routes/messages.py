"""`/v1/messages` and `/v1/threads`: the stored mail (P32)."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated
from urllib.parse import quote

import anyio
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from inboxd.api import schemas
from inboxd.api.given import GivenDesk, RowId
from inboxd.api.peer import Caller
from inboxd.api.problems import bytes_of, listed
from inboxd.mime.sanitise import sanitise
from inboxd.model.messages import Action
from inboxd.model.search import parse_query
from inboxd.model.views import MessageQuery, MessageView, Page

router = APIRouter(tags=["messages"])

_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}\Z", re.ASCII)
"""RFC 6838 4.2; the sender wrote it, so anything else could be a header of its own."""

PartIndex = Annotated[int, Path(ge=0, le=1_000_000)]


@router.get("/messages", response_model=schemas.Messages, responses=listed(404))
async def list_messages(
    chosen: Annotated[schemas.MessageFilter, Query()], desk: GivenDesk
) -> Response:
    """List stored messages, newest first."""
    wish = chosen.model_dump()
    query = wish.pop("query")
    search = None if query is None else parse_query(query)
    found = await desk.messages(MessageQuery(**wish, search=search))
    # Spelled here in one go: the framework's own way over dicts takes as long as the search.
    page = schemas.Messages.model_validate(found)
    return Response(page.model_dump_json(by_alias=True), media_type="application/json")


@router.get("/messages/{message}", response_model=schemas.WholeMessage, responses=listed(404))
async def show_message(
    message: RowId, shown: Annotated[schemas.ShowOptions, Query()], desk: GivenDesk
) -> schemas.WholeMessage:
    """Show one message with its text, its sanitised HTML and its attachments."""
    detail = await desk.message(message)
    # In a thread: megabytes of HTML would hold up every account's new mail.
    clean = partial(sanitise, detail.html, remote_images=shown.remote_images)
    html = await anyio.to_thread.run_sync(clean) if detail.html else ""
    return schemas.WholeMessage.of(detail, html)


@router.delete("/messages/{message}", response_model=schemas.Message, responses=listed(404))
async def delete_message(message: RowId, desk: GivenDesk, caller: Caller) -> MessageView:
    """Delete a message here; on the server too where its owner mirrors deleting (P23)."""
    return await desk.act(message, Action.DELETE, caller)


@router.post("/messages/{message}/archive", response_model=schemas.Message, responses=listed(404))
async def archive_message(message: RowId, desk: GivenDesk, caller: Caller) -> MessageView:
    """Archive a message here; on the server too where its owner mirrors archiving (P23)."""
    return await desk.act(message, Action.ARCHIVE, caller)


@router.get(
    "/messages/{message}/raw",
    response_class=Response,
    responses={**bytes_of("message/rfc822"), **listed(404)},
)
async def show_raw_message(message: RowId, desk: GivenDesk) -> Response:
    """Give a message byte for byte as the server gave it."""
    return Response(await desk.raw(message), media_type="message/rfc822")


@router.get(
    "/messages/{message}/attachments/{index}",
    response_class=Response,
    responses={**bytes_of("*/*"), **listed(404)},
)
async def show_attachment(message: RowId, index: PartIndex, desk: GivenDesk) -> Response:
    """Give one attachment, decoded."""
    attachment, data = await desk.attachment(message, index)
    declared = attachment.content_type
    name = quote(attachment.filename or f"attachment-{index}", safe="", errors="replace")
    return Response(
        data,
        headers={
            "content-type": declared
            if _CONTENT_TYPE.match(declared)
            else "application/octet-stream",
            # Never inline: what somebody mailed must not run as a page of whoever shows it.
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
            "x-content-type-options": "nosniff",
        },
    )


@router.get("/threads/{thread}", response_model=schemas.Thread, responses=listed(404))
async def show_thread(thread: RowId, desk: GivenDesk) -> Page[MessageView]:
    """Show the messages of one conversation, oldest first."""
    return Page(await desk.thread(thread), None)
