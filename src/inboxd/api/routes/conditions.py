"""`/v1/accounts/{account}/conditions`: what is synced, its changes, and the way back (P12)."""

from __future__ import annotations

from fastapi import APIRouter

from inboxd.api import schemas
from inboxd.api.given import AccountRef, GivenDesk
from inboxd.api.peer import Caller
from inboxd.api.problems import listed
from inboxd.model.conditions import Conditions
from inboxd.model.views import JournalEntry, Page

router = APIRouter(prefix="/accounts/{account}/conditions", tags=["conditions"])


@router.get("", response_model=schemas.Conditions, responses=listed(404))
async def show_conditions(account: AccountRef, desk: GivenDesk) -> Conditions:
    """Show what is chosen for an account."""
    return await desk.conditions(account)


@router.patch("", response_model=schemas.ConditionsChanged, responses=listed(404, 409, 413, 502))
async def change_conditions(
    account: AccountRef, body: schemas.ConditionsPatch, desk: GivenDesk, caller: Caller
) -> schemas.ConditionsChanged:
    """Change what is chosen: at once, for future mail, deleting nothing (P12)."""
    change = await desk.change_conditions(account, body.as_patch(), caller)
    return schemas.ConditionsChanged.of(change)


@router.get("/journal", response_model=schemas.Journal, responses=listed(404))
async def list_changes(account: AccountRef, desk: GivenDesk) -> Page[JournalEntry]:
    """List the changes: when, by whom, from what to what."""
    return Page(await desk.journal(account), None)


@router.post("/undo", response_model=schemas.ConditionsChanged, responses=listed(404, 409))
async def undo_change(
    account: AccountRef, desk: GivenDesk, caller: Caller
) -> schemas.ConditionsChanged:
    """Take back the latest change."""
    return schemas.ConditionsChanged.of(await desk.undo(account, caller))
