"""Logging in: which way of those that a server offers, and never a second one after a refusal."""

from __future__ import annotations

import base64

from inboxd.imap.connection import Connection
from inboxd.imap.refusals import login_refused
from inboxd.imap.responses import Status
from inboxd.model.errors import CommandRefused, LoginRejected, TlsUnavailable
from inboxd.model.server import Credentials


async def log_in(connection: Connection, credentials: Credentials) -> None:
    """Log in by token or password, then ask what the server can do for this user.

    Raises LoginRejected for a clear refusal, Throttled or CommandRefused where it is none.
    """
    await _ask_capabilities(connection)
    status = await _try(connection, credentials)
    if status.result != "OK":
        raise login_refused(connection.where, status, credentials)
    # What was told before or inside the OK may be a proxy's or cut short (iCloud does both).
    await _ask_capabilities(connection)


async def _try(connection: Connection, credentials: Credentials) -> Status:
    offered = connection.protocol.capabilities
    if credentials.mechanism == "xoauth2":
        if "AUTH=XOAUTH2" not in offered:
            raise LoginRejected(f"{connection.where} does not take OAuth2 tokens (XOAUTH2).")
        text = f"user={credentials.username}\x01auth=Bearer {credentials.secret}\x01\x01"
        return await _authenticate(connection, "XOAUTH2", text)
    if "AUTH=PLAIN" in offered:
        # Base64 carries any character; a quoted LOGIN carries ASCII only (RFC 3501 9).
        text = f"\0{credentials.username}\0{credentials.secret}"
        return await _authenticate(connection, "PLAIN", text)
    if "LOGINDISABLED" in offered:
        raise TlsUnavailable(
            f"{connection.where} takes no login over this connection: use tls (port 993) or "
            "starttls (port 143)."
        )
    user, secret = _quoted(credentials.username), _quoted(credentials.secret)
    status, _ = await connection.ask("LOGIN", user, secret)
    return status


async def _authenticate(connection: Connection, mechanism: str, text: str) -> Status:
    token = base64.b64encode(text.encode()).decode("ascii")
    if "SASL-IR" in connection.protocol.capabilities:
        status, _ = await connection.ask("AUTHENTICATE", mechanism, token)
    else:
        status, _ = await connection.ask(
            "AUTHENTICATE", mechanism, answers=(token.encode("ascii"),)
        )
    return status


async def _ask_capabilities(connection: Connection) -> None:
    try:
        await connection.run("CAPABILITY")
    except CommandRefused:
        # Then what the greeting said stands; RFC 3501 6.1.1 has every server answer it.
        return


def _quoted(text: str) -> str:
    if any(control in text for control in "\r\n\0"):
        raise LoginRejected("A user name or password with a line break cannot be sent by LOGIN.")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
