"""`/v1/events`: every committed change, replayed and then as it happens (P33)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic_core import to_json

from inboxd.api import schemas
from inboxd.api.given import MAX_ID, GivenDesk, Stopping
from inboxd.api.problems import listed
from inboxd.api.stream import EventStream, spelled

router = APIRouter(tags=["events"])

_EVENT = schemas.Event.model_json_schema(mode="serialization")

_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A stream of events, or one page of them with `follow=false`.",
        "content": {
            "text/event-stream": {
                # OpenAPI 3.2 4.14.4: of each event, as clients hand it out.
                "itemSchema": {
                    "type": "object",
                    "required": ["id", "event", "data"],
                    "properties": {
                        "id": {"type": "string", "pattern": "^[0-9]+$"},
                        "event": {"type": "string"},
                        "data": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "contentSchema": _EVENT,
                        },
                    },
                },
                "example": "id: 7\nevent: account.phase\n"
                'data: {"seq":7,"type":"account.phase","time":"2026-01-05T09:30:00Z",'
                '"account":1,"data":{"phase":"live"}}\n\n',
            },
            "application/json": {"schema": schemas.Events.model_json_schema(mode="serialization")},
        },
    }
}


@router.get("/events", response_class=Response, responses={**_CONTENT, **listed()})
async def show_events(
    chosen: Annotated[schemas.EventFilter, Query()],
    desk: GivenDesk,
    stopping: Stopping,
    last_event_id: Annotated[
        int | None,
        Header(
            ge=0, le=MAX_ID, description="As event-stream clients send it; it outdoes `after`."
        ),
    ] = None,
) -> Response:
    """Stream events from any number on, without a gap; comments keep a silent stream alive."""
    after = chosen.after if last_event_id is None else last_event_id
    if chosen.follow:
        return EventStream(desk, stopping, after=after, historical=chosen.historical)
    batch = await desk.events(after, chosen.limit, historical=chosen.historical)
    following = str(batch[-1].seq) if len(batch) == chosen.limit else None
    page = {"items": [spelled(event) for event in batch], "next": following}
    return Response(to_json(page), media_type="application/json")
