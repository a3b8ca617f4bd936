"""What can go wrong, each error with its remedy: retry, a person, or a bug report.

Adapters translate their library's exceptions into these and raise nothing else. The text of an
error is made for people: what happened and what to do next. It never holds a password, a token,
a message body or another person's address.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Remedy(StrEnum):
    """Who can help. Unknown trouble with a network is `RETRY`; with our own code, `BUG`."""

    RETRY = "retry"
    PERSON = "person"
    BUG = "bug"


class InboxdError(Exception):
    """The base of every error that inboxd raises on purpose."""

    remedy: ClassVar[Remedy] = Remedy.BUG
    code: ClassVar[str] = "internal"
    """A stable word for scripts: in the API's problem documents, in logs and in the database."""


# --- towards a mail server -----------------------------------------------------------------------


class ServerTrouble(InboxdError):
    """A mail server could not be used just now."""

    remedy = Remedy.RETRY
    code = "server_trouble"


class CannotConnect(ServerTrouble):
    """No connection could be made: name not found, refused, or no answer in time."""

    code = "cannot_connect"


class ConnectionLost(ServerTrouble):
    """The connection ended (closed, reset, BYE) with work under way."""

    code = "connection_lost"


class ServerSilent(ServerTrouble):
    """The server kept the connection but did not answer within the deadline."""

    code = "server_silent"


class CommandRefused(ServerTrouble):
    """The server answered NO or BAD to a command that should have worked."""

    code = "command_refused"

    def __init__(self, text: str, *, response_code: str | None = None) -> None:
        super().__init__(text)
        self.response_code = response_code
        """The bracketed code of RFC 5530, upper case, without brackets: `NONEXISTENT`."""


class ProtocolViolated(ServerTrouble):
    """The server sent what no grammar allows; the connection cannot be trusted any more."""

    code = "protocol_violated"


class Throttled(ServerTrouble):
    """The server asks for patience: too many connections, a rate limit, a quota of traffic."""

    code = "throttled"

    def __init__(self, text: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds


class LoginRejected(InboxdError):
    """The server clearly refused the user name, password or token (P20)."""

    remedy = Remedy.PERSON
    code = "login_rejected"


class TlsUntrusted(InboxdError):
    """The server's certificate is not trusted, expired, or made for another name."""

    remedy = Remedy.PERSON
    code = "tls_untrusted"


class TlsUnavailable(InboxdError):
    """TLS was asked for and cannot be had: STARTTLS not offered, stripped, or no TLS spoken."""

    remedy = Remedy.PERSON
    code = "tls_unavailable"


class NotAMailServer(InboxdError):
    """What answers at that host and port does not speak the expected protocol."""

    remedy = Remedy.PERSON
    code = "not_a_mail_server"


class PlaintextRefused(InboxdError):
    """An unencrypted connection was asked for to a host that is not this machine."""

    remedy = Remedy.PERSON
    code = "plaintext_refused"


# --- towards a person ----------------------------------------------------------------------------


class RuleRefused(InboxdError):
    """A request that a rule of the product forbids; the sentence says what to send instead."""

    remedy = Remedy.PERSON
    code = "refused"


class NotFound(InboxdError):
    """What was named does not exist (or belongs to somebody else)."""

    remedy = Remedy.PERSON
    code = "not_found"


class BadInput(InboxdError):
    """A file, value or address that cannot be read; all its problems at once."""

    remedy = Remedy.PERSON
    code = "bad_input"

    def __init__(self, text: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.problems = problems


class BadConfig(BadInput):
    """The operator's configuration cannot be used; each problem as `file:line:col: sentence`."""

    code = "bad_config"


class AccountNotReached(InboxdError):
    """Adding an account failed at one side; the text names side, host, port and answer (P1)."""

    remedy = Remedy.PERSON
    code = "account_not_reached"

    def __init__(self, text: str, *, side: str, cause: InboxdError) -> None:
        super().__init__(text)
        self.side = side
        """`imap` or `smtp`."""
        self.cause = cause


# --- towards our own house -----------------------------------------------------------------------


class StoreUnavailable(InboxdError):
    """The database cannot be written just now: disk full, or locked by another program."""

    remedy = Remedy.RETRY
    code = "store_unavailable"


class StoreTooNew(InboxdError):
    """The database was written by a newer inboxd, which this one must not touch."""

    remedy = Remedy.PERSON
    code = "store_too_new"


class AlreadyRunning(InboxdError):
    """Another daemon holds the lock of this state directory."""

    remedy = Remedy.PERSON
    code = "already_running"
