"""Accounts, their folders and the daemon at a glance."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict, Field, model_validator

from inboxd.api.schemas.base import Answer, PageOf, Request, Secret
from inboxd.api.schemas.conditions import Conditions
from inboxd.model.phases import Phase
from inboxd.model.server import Security, SpecialUse
from inboxd.model.views import Watch


class Endpoint(Answer):
    """One server, one port, one way to protect the connection."""

    model_config = ConfigDict(extra="forbid")

    host: str = Field(min_length=1, max_length=255, examples=["imap.example.org"])
    port: int = Field(ge=1, le=65535, examples=[993])
    security: Security = Field(
        default=Security.TLS, description="`none` is for this machine only."
    )


class AccountToAdd(Request):
    """An address and a login; servers are discovered where they are not given (P1)."""

    address: str = Field(min_length=3, max_length=320, examples=["anna@example.org"])
    owner: str | None = Field(
        default=None,
        min_length=1,
        max_length=320,
        examples=["anna"],
        description="Whose mail it is; the address where none is given.",
    )
    username: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="Of the login, where it is not the address.",
    )
    password: Secret | None = None
    password_command: str | None = Field(
        default=None,
        min_length=1,
        max_length=4000,
        examples=["pass show mail/anna"],
        description="Run by the daemon when it needs the password, which is kept nowhere.",
    )
    imap: Endpoint | None = None
    smtp: Endpoint | None = None
    no_smtp: bool = Field(default=False, description="Receive only: no SMTP login is tried.")

    @model_validator(mode="after")
    def _one_of_each(self) -> AccountToAdd:
        if (self.password is None) == (self.password_command is None):
            raise ValueError("send either password or password_command")
        if self.smtp is not None and self.no_smtp:
            raise ValueError("send either smtp or no_smtp")
        return self


class Password(Request):
    """A new password for an account."""

    password: Secret


class Folder(Answer):
    """One label as a person sees it."""

    name: str = Field(examples=["INBOX"])
    separator: str = Field(examples=["/"])
    special_use: SpecialUse | None
    selectable: bool = Field(description="Whether it can hold messages.")
    chosen: bool = Field(description="Whether the conditions select it now.")
    watch: Watch | None = Field(
        description="How its new mail is noticed; null while it is not watched."
    )
    uidvalidity: int | None
    uidnext: int | None
    messages: int | None = Field(description="On the server, when it was last looked at.")
    stored: int = Field(description="Stored here.")


class Folders(PageOf[Folder]):
    """The labels of an account."""


class Trouble(Answer):
    """Why an account does not run as it should."""

    code: str = Field(examples=["login_rejected"])
    text: str
    at: datetime
    next_try_at: datetime | None


class Progress(Answer):
    """How far the history has come."""

    folder: str | None
    done: int = Field(description="Messages looked at, over all folders.")
    total: int
    stored: int
    bytes_stored: int
    started_at: datetime
    finished_at: datetime | None
    per_second: float | None
    seconds_left: float | None


class Account(Answer):
    """One account, whole."""

    id: int
    address: str = Field(examples=["anna@example.org"])
    owner: str
    phase: Phase
    conditions: Conditions
    imap: Endpoint
    smtp: Endpoint | None
    username: str
    created_at: datetime
    synced_at: datetime | None = Field(description="When Sync was pressed.")
    trouble: Trouble | None
    history: Progress | None
    server_word: str = Field(description="The last human words of the server.")
    folders: list[Folder]


class Accounts(PageOf[Account]):
    """All accounts."""


class Status(Answer):
    """The daemon at a glance."""

    version: str
    started_at: datetime
    last_event: int = Field(description="The number of the newest event.")
    accounts: list[Account]


class RemoveOptions(Request):
    """What becomes of a removed account's mail."""

    purge: bool = Field(default=False, description="Forget it; else it is kept (P19).")
