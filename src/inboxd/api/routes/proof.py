"""`/v1/accounts/{account}/verify|why|preview`: what can be proven, what would come (P9, P18)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from inboxd.api import schemas
from inboxd.api.given import AccountRef, GivenDesk
from inboxd.api.problems import listed
from inboxd.model.proof import Proof, Why
from inboxd.model.views import Page

router = APIRouter(prefix="/accounts/{account}", tags=["accounts"])


@router.post("/verify", response_model=schemas.Proof, responses=listed(404, 409, 502, 503))
async def verify_account(account: AccountRef, desk: GivenDesk) -> Proof:
    """Compare the ledger with the server, listed anew; every gap is named."""
    return await desk.proof.verify(account)


@router.get("/why", response_model=schemas.Whys, responses=listed(404, 409, 502, 503))
async def explain_message(
    account: AccountRef, asked: Annotated[schemas.WhyFilter, Query()], desk: GivenDesk
) -> Page[Why]:
    """Say why a message is here or not: by Message-ID, by address, or by folder and UID."""
    return Page(await desk.proof.why(account, asked.question()), None)


@router.post("/preview", response_model=schemas.Preview, responses=listed(404, 409, 413, 502, 503))
async def preview_sync(
    account: AccountRef, desk: GivenDesk, body: schemas.ConditionsPatch | None = None
) -> schemas.Preview:
    """Count what Sync would bring, for these conditions and side by side; store nothing."""
    patch = (body or schemas.ConditionsPatch()).as_patch()
    return schemas.Preview.of(await desk.proof.preview(account, patch))
