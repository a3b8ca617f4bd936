"""`/v1/status`: the daemon at a glance."""

from __future__ import annotations

from fastapi import APIRouter

from inboxd.api import schemas
from inboxd.api.given import GivenDesk
from inboxd.api.problems import listed
from inboxd.model.views import DaemonStatus

router = APIRouter(tags=["status"])


@router.get("/status", response_model=schemas.Status, responses=listed())
async def show_status(desk: GivenDesk) -> DaemonStatus:
    """Tell the daemon's version, its accounts and the number of the newest event."""
    return await desk.status()
