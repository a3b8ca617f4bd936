"""`/v1/contacts`: the people whose mail is looked for (P24)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from inboxd.api import schemas
from inboxd.api.given import GivenDesk, RowId
from inboxd.api.problems import listed
from inboxd.model.views import ContactView, ImportReport, Page

router = APIRouter(prefix="/contacts", tags=["contacts"])

_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "name,email\nCarla Customer,carla@customer.example\n",
            }
        },
    }
}


@router.get("", response_model=schemas.Contacts, responses=listed())
async def list_contacts(
    chosen: Annotated[schemas.ListFilter, Query()], desk: GivenDesk
) -> Page[ContactView]:
    """List contacts."""
    return await desk.contacts(chosen.cursor, chosen.limit)


@router.post("", status_code=201, response_model=schemas.Contact, responses=listed(409, 413))
async def add_contact(body: schemas.ContactToAdd, desk: GivenDesk) -> ContactView:
    """Add a person with one or more addresses."""
    return await desk.add_contact(body.name, body.addresses)


@router.post(
    "/import",
    response_model=schemas.ImportReport,
    responses=listed(409, 413),
    openapi_extra=_FILE_BODY,
)
async def import_contacts(
    request: Request, options: Annotated[schemas.ImportOptions, Query()], desk: GivenDesk
) -> ImportReport:
    """Read contacts from a file; with unusable lines nothing comes in unless `partial`."""
    data = await request.body()
    return await desk.import_contacts(data, filename=options.filename, partial=options.partial)


@router.delete("/{contact}", status_code=204, responses=listed(404))
async def remove_contact(contact: RowId, desk: GivenDesk) -> None:
    """Forget a person; the stored mail stays."""
    await desk.remove_contact(contact)
