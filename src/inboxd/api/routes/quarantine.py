"""`/v1/quarantine`: messages that were set aside so that their folder could go on (P17)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from inboxd.api import schemas
from inboxd.api.given import GivenDesk
from inboxd.api.peer import Caller
from inboxd.api.problems import bytes_of, listed
from inboxd.model.proof import Quarantined
from inboxd.model.views import Page

router = APIRouter(prefix="/quarantine", tags=["quarantine"])

ItemRef = Annotated[str, Path(min_length=1, max_length=80, examples=["3.1700000000.17"])]


@router.get("", response_model=schemas.Quarantine, responses=listed(404))
async def list_quarantine(
    chosen: Annotated[schemas.QuarantineFilter, Query()], desk: GivenDesk
) -> Page[Quarantined]:
    """List what is set aside."""
    return Page(await desk.proof.quarantine(chosen.account), None)


@router.get("/{item}", response_model=schemas.Quarantined, responses=listed(404))
async def show_quarantined(item: ItemRef, desk: GivenDesk) -> Quarantined:
    """Show one of them: where it lies and what went wrong."""
    return await desk.proof.quarantined(item)


@router.get(
    "/{item}/raw",
    response_class=Response,
    responses={**bytes_of("message/rfc822"), **listed(404)},
)
async def export_quarantined(item: ItemRef, desk: GivenDesk) -> Response:
    """Give its bytes as the server gave them."""
    return Response(await desk.proof.quarantined_raw(item), media_type="message/rfc822")


@router.post("/{item}/retry", response_model=schemas.Retried, responses=listed(404, 409, 502, 503))
async def retry_quarantined(item: ItemRef, desk: GivenDesk, caller: Caller) -> schemas.Retried:
    """Fetch it once more and try to store it."""
    left, sentence = await desk.proof.retry(item, caller)
    shown = None if left is None else schemas.Quarantined.model_validate(left)
    return schemas.Retried(sentence=sentence, quarantined=shown)
