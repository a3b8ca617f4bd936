"""The secrets of an account, opened only for the moment of a login (P34)."""

from __future__ import annotations

from inboxd.model.errors import LoginRejected
from inboxd.model.server import Credentials
from inboxd.secrets import SecretBox, run_password_command
from inboxd.store.accounts import Login


async def credentials_of(login: Login, box: SecretBox) -> Credentials:
    """The credentials of a stored login. Raises LoginRejected when there is no password."""
    if login.password_command is not None:
        secret = await run_password_command(login.password_command)
    elif login.sealed_secret is not None:
        secret = box.unseal(login.sealed_secret)
    else:
        raise LoginRejected("No password is stored: set one with inboxctl account set-password.")
    return Credentials(login.username, secret, login.mechanism)
