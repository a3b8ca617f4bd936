"""The people whose mail is looked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from inboxd.api.schemas.base import Answer, PageOf, Request, Secret


class Contact(Answer):
    """A person with one or more addresses."""

    id: int
    name: str
    addresses: list[str]


class Contacts(PageOf[Contact]):
    """One page of contacts."""


class ContactToAdd(Request):
    """A person to add."""

    name: str = Field(max_length=1000, examples=["Carla Customer"])
    addresses: list[Annotated[str, Field(min_length=1, max_length=1000)]] = Field(
        min_length=1, examples=[["carla@customer.example"]]
    )


class ImportReport(Answer):
    """What an import did."""

    added: int
    known: int = Field(description="Were there already.")
    problems: list[str] = Field(description="Each unusable line as `line N: sentence`.")


class ImportOptions(Request):
    """How a file of contacts is read."""

    filename: str = Field(default="contacts.csv", max_length=1000)
    partial: bool = Field(
        default=False, description="Take the good lines even where others cannot be used."
    )


class Source(Answer):
    """Where contacts are pulled from."""

    name: str = Field(examples=["pipedrive"])
    url: str
    set_at: datetime
    pulled_at: datetime | None
    trouble: str = Field(description="Why the last pull failed; empty where it did not.")


class Sources(PageOf[Source]):
    """All sources."""


class PipedriveAccess(Request):
    """Where a company's Pipedrive is, and a personal API token of it."""

    url: str = Field(min_length=1, max_length=1000, examples=["https://example.pipedrive.com"])
    token: Secret
