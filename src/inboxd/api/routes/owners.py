"""`/v1/owners`: personal settings (P21)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from inboxd.api import schemas
from inboxd.api.given import GivenDesk
from inboxd.api.peer import Caller
from inboxd.api.problems import listed

router = APIRouter(prefix="/owners", tags=["owners"])

OwnerRef = Annotated[str, Path(min_length=1, max_length=320, examples=["anna"])]


@router.get("", response_model=schemas.Owners, responses=listed())
async def list_owners(desk: GivenDesk) -> schemas.Owners:
    """List the owners with their settings."""
    found = await desk.owners.everyone()
    return schemas.Owners(items=[schemas.OwnerSettings.of(one) for one in found], next=None)


@router.get("/{owner}/settings", response_model=schemas.OwnerSettings, responses=listed(404))
async def show_settings(owner: OwnerRef, desk: GivenDesk) -> schemas.OwnerSettings:
    """Show one owner's settings."""
    return schemas.OwnerSettings.of(await desk.owners.settings(owner))


@router.patch("/{owner}/settings", response_model=schemas.OwnerSettings, responses=listed(413))
async def change_settings(
    owner: OwnerRef, body: schemas.SettingsPatch, desk: GivenDesk, caller: Caller
) -> schemas.OwnerSettings:
    """Change settings of one owner, for what comes in from now on; nobody else's change."""
    return schemas.OwnerSettings.of(await desk.owners.change(owner, body.wishes(), caller))
