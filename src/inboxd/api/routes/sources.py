"""`/v1/contacts/sources`: where contacts are pulled from (P24)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from inboxd.api import schemas
from inboxd.api.given import GivenDesk
from inboxd.api.peer import Caller
from inboxd.api.problems import listed
from inboxd.model.views import ImportReport, Page, SourceView

router = APIRouter(prefix="/contacts/sources", tags=["contacts"])

SourceName = Annotated[str, Path(min_length=1, max_length=80, examples=["pipedrive"])]


@router.get("", response_model=schemas.Sources, responses=listed())
async def list_sources(desk: GivenDesk) -> Page[SourceView]:
    """List the sources, with how the last pull ended."""
    return Page(await desk.sources.everything(), None)


@router.put("/pipedrive", response_model=schemas.ImportReport, responses=listed(413, 502, 503))
async def set_pipedrive(
    body: schemas.PipedriveAccess, desk: GivenDesk, caller: Caller
) -> ImportReport:
    """Pull from Pipedrive now and from time to time; the token is tried first and kept sealed."""
    return await desk.sources.set_pipedrive(body.url, body.token.get_secret_value(), caller)


@router.post(
    "/{source}/pull", response_model=schemas.ImportReport, responses=listed(404, 502, 503)
)
async def pull_source(source: SourceName, desk: GivenDesk) -> ImportReport:
    """Pull from a source now."""
    return await desk.sources.pull(source)


@router.delete("/{source}", status_code=204, responses=listed(404))
async def remove_source(source: SourceName, desk: GivenDesk) -> None:
    """Pull from a source no more; its contacts stay."""
    await desk.sources.remove(source)
