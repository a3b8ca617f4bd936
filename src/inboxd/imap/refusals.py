"""What a server means by NO, BAD and BYE: wait, ask a person, or try again (P20). Pure."""

from __future__ import annotations

from inboxd.imap.quirks import BACKOFF_TIME, PATIENCE
from inboxd.imap.responses import Status
from inboxd.model.answers import shown
from inboxd.model.errors import (
    CommandRefused,
    ConnectionLost,
    InboxdError,
    LoginRejected,
    ServerTrouble,
    Throttled,
)
from inboxd.model.server import Credentials

PATIENCE_CODES = frozenset({"UNAVAILABLE", "LIMIT", "INUSE", "THROTTLED", "OVERQUOTA"})
"""RFC 5530 3, RFC 9051 7.1, and Gmail's own two."""

MAX_PATIENCE_SECONDS = 300.0
"""Longer hints are cut: by asking every five minutes nobody is hurt, and hints were seen that
were too long by hours."""


def asks_for_patience(status: Status) -> bool:
    """Whether this is about load and not about what was asked."""
    if status.code in PATIENCE_CODES:
        return True
    return any(one.words.search(status.text) for one in PATIENCE)


def throttled(where: str, status: Status) -> Throttled:
    """The server asks for patience; for how long, where it says so."""
    hint = BACKOFF_TIME.search(status.text)
    seconds = None
    if hint is not None:
        unit = 1_000 if hint[2].lower() in ("milliseconds", "ms") else 1
        seconds = min(int(hint[1]) / unit, MAX_PATIENCE_SECONDS)
    return Throttled(
        f"{where} asks to come back later: {shown(status.text) or status.code}.",
        retry_after_seconds=seconds,
    )


def greeting_refused(where: str, status: Status) -> ServerTrouble:
    """A greeting that is a farewell."""
    if asks_for_patience(status):
        return throttled(where, status)
    return ConnectionLost(f"{where} turned us away: {shown(status.text)}.")


def farewell(where: str, status: Status) -> ServerTrouble:
    """An untagged BYE with work under way."""
    if asks_for_patience(status):
        return throttled(where, status)
    return ConnectionLost(f"{where} ended the connection: {shown(status.text)}.")


def login_refused(where: str, status: Status, credentials: Credentials) -> InboxdError:
    """NO or BAD to a login. Only a clear NO counts as a refusal: three of them stop an account."""
    words = shown(status.text, credentials)
    if asks_for_patience(status):
        return throttled(where, Status(status.result, status.code, "", words))
    if status.result == "BAD" or status.code in ("SERVERBUG", "PRIVACYREQUIRED"):
        return CommandRefused(
            f"{where} did not understand the login: {words}.", response_code=status.code
        )
    return LoginRejected(
        f"{where} refused the login: {words}. Check user name and password; many providers want "
        "an app password here."
    )


def command_refused(where: str, name: str, status: Status) -> ServerTrouble:
    """NO or BAD to anything else."""
    if asks_for_patience(status):
        return throttled(where, status)
    return CommandRefused(
        f"{where} refused {name}: {shown(status.text) or status.result}.",
        response_code=status.code,
    )
