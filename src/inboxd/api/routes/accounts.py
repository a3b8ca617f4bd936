"""`/v1/accounts`: mailboxes, their life, their labels and their ledger."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from inboxd.accounts.onboarding import NewAccount
from inboxd.api import schemas
from inboxd.api.given import AccountRef, GivenDesk
from inboxd.api.peer import Caller
from inboxd.api.problems import listed
from inboxd.model.server import Endpoint
from inboxd.model.views import AccountView, FolderView, LedgerEntry, Page

router = APIRouter(prefix="/accounts", tags=["accounts"])


@router.get("", response_model=schemas.Accounts, responses=listed())
async def list_accounts(
    chosen: Annotated[schemas.ListFilter, Query()], desk: GivenDesk
) -> Page[AccountView]:
    """List accounts."""
    return await desk.accounts(chosen.cursor, chosen.limit)


@router.post("", status_code=201, response_model=schemas.Account, responses=listed(409, 413, 502))
async def add_account(body: schemas.AccountToAdd, desk: GivenDesk, caller: Caller) -> AccountView:
    """Add an account: both logins are tried for real before anything is stored (P1)."""
    return await desk.add_account(_new_account(body), caller)


def _new_account(body: schemas.AccountToAdd) -> NewAccount:
    return NewAccount(
        address=body.address,
        owner=body.owner,
        username=body.username,
        secret=None if body.password is None else body.password.get_secret_value(),
        password_command=body.password_command,
        imap=_endpoint(body.imap),
        smtp=_endpoint(body.smtp),
        no_smtp=body.no_smtp,
    )


def _endpoint(given: schemas.Endpoint | None) -> Endpoint | None:
    return None if given is None else Endpoint(given.host, given.port, given.security)


@router.get("/{account}", response_model=schemas.Account, responses=listed(404))
async def show_account(account: AccountRef, desk: GivenDesk) -> AccountView:
    """Show one account."""
    return await desk.account(account)


@router.delete("/{account}", status_code=204, responses=listed(404, 409))
async def remove_account(
    account: AccountRef,
    options: Annotated[schemas.RemoveOptions, Query()],
    desk: GivenDesk,
    caller: Caller,
) -> None:
    """Remove an account; its mail is kept unless `purge` says otherwise (P19)."""
    await desk.remove_account(account, purge=options.purge, caller=caller)


@router.post("/{account}/pause", response_model=schemas.Account, responses=listed(404, 409))
async def pause_account(account: AccountRef, desk: GivenDesk, caller: Caller) -> AccountView:
    """Stop syncing until `resume`."""
    return await desk.pause(account, caller)


@router.post("/{account}/resume", response_model=schemas.Account, responses=listed(404, 409))
async def resume_account(account: AccountRef, desk: GivenDesk, caller: Caller) -> AccountView:
    """Go on syncing."""
    return await desk.resume(account, caller)


@router.post("/{account}/sync", response_model=schemas.Account, responses=listed(404, 409))
async def sync_account(account: AccountRef, desk: GivenDesk, caller: Caller) -> AccountView:
    """Press Sync: the history of the conditions comes in, then new mail as it arrives (P2)."""
    return await desk.sync(account, caller)


@router.post("/{account}/resync", response_model=schemas.Account, responses=listed(404, 409, 413))
async def resync_account(
    account: AccountRef, body: schemas.Resync, desk: GivenDesk, caller: Caller
) -> AccountView:
    """Go through history once more, without duplicates or repeated announcements (P13)."""
    return await desk.resync(
        account,
        since=body.since,
        labels=schemas.labels_of(body.labels),
        history=body.history,
        caller=caller,
    )


@router.put(
    "/{account}/password",
    response_model=schemas.Account,
    responses=listed(404, 409, 413, 502),
)
async def set_password(
    account: AccountRef, body: schemas.Password, desk: GivenDesk, caller: Caller
) -> AccountView:
    """Give an account its new password; all its state stays (P19)."""
    return await desk.set_password(account, body.password.get_secret_value(), caller)


@router.get("/{account}/labels", response_model=schemas.Folders, responses=listed(404, 502))
async def list_labels(account: AccountRef, desk: GivenDesk) -> Page[FolderView]:
    """List the labels of an account, the chosen ones marked."""
    return Page(await desk.labels(account), None)


@router.get("/{account}/ledger", response_model=schemas.Ledger, responses=listed(404))
async def show_ledger(
    account: AccountRef, chosen: Annotated[schemas.LedgerFilter, Query()], desk: GivenDesk
) -> Page[LedgerEntry]:
    """Tell what became of each UID in scope."""
    return await desk.ledger(
        account, folder=chosen.folder, cursor=chosen.cursor, limit=chosen.limit
    )
