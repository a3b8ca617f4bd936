"""Trying a submission login for real (P1): connect, protect, log in, leave. Nothing is sent.

Only this file knows aiosmtplib; whatever it raises leaves as one of `inboxd.model.errors`.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiosmtplib
import anyio

from inboxd.model.answers import shown
from inboxd.model.errors import (
    CannotConnect,
    InboxdError,
    LoginRejected,
    NotAMailServer,
    PlaintextRefused,
    Throttled,
    TlsUnavailable,
    TlsUntrusted,
)
from inboxd.model.server import Credentials, Endpoint, Security

HELO_NAME = "[127.0.0.1]"
"""RFC 5321 4.1.4: a client without a name gives an address. aiosmtplib would ask DNS for one."""

QUIT_SECONDS = 2.0
"""A server that does not answer QUIT is left without a farewell."""

_MECHANISMS = ("plain", "login", "cram-md5")
"""In this order; the first that the server has is tried, and no second after a refusal: three
attempts for one wrong password lock accounts."""

_NOT_UNDERSTOOD = frozenset({500, 501, 502, 503, 504})
"""RFC 4954 6 and RFC 5321 4.2.2: the mechanism was refused, not the login."""


async def check_login(
    endpoint: Endpoint,
    credentials: Credentials,
    *,
    tls: ssl.SSLContext,
    deadline_seconds: float = 20,
) -> None:
    """Log in at `endpoint` and leave again; returns when the server accepted the login.

    With an empty user name and a server that offers no login (a relay on this machine), a
    greeting suffices. STARTTLS fails closed: without it no login is tried.

    Raises CannotConnect, TlsUntrusted, TlsUnavailable, LoginRejected, NotAMailServer,
    PlaintextRefused or Throttled; each says what the server answered, never the secret.
    """
    if endpoint.security is Security.NONE and not endpoint.is_this_machine:
        raise PlaintextRefused(
            f"{endpoint.host} is not this machine, so the password would travel in the clear: "
            "use tls (port 465) or starttls (port 587)."
        )
    check = _Check(endpoint, credentials)
    try:
        with anyio.fail_after(deadline_seconds):
            async with _connected(endpoint, tls, deadline_seconds, check) as client:
                await check.log_in(client)
    except TimeoutError:
        raise check.silent(deadline_seconds) from None


@asynccontextmanager
async def _connected(
    endpoint: Endpoint, tls: ssl.SSLContext, deadline_seconds: float, check: _Check
) -> AsyncIterator[aiosmtplib.SMTP]:
    client = aiosmtplib.SMTP(
        hostname=endpoint.host.strip("[]"),
        port=endpoint.port,
        use_tls=endpoint.security is Security.TLS,
        start_tls=False,
        tls_context=tls,
        local_hostname=HELO_NAME,
        timeout=deadline_seconds,
    )
    try:
        with check.translated("connect"):
            await client.connect()
            await client.ehlo()
        if endpoint.security is Security.STARTTLS:
            if not client.supports_extension("starttls"):
                raise TlsUnavailable(
                    f"{check.where} does not offer STARTTLS, and without it no login is tried: "
                    "use tls (usually port 465), or ask the provider for the right port."
                )
            with check.translated("starttls"):
                await client.starttls(tls_context=tls)
                await client.ehlo()
        yield client
        with anyio.move_on_after(QUIT_SECONDS), check.ignored():
            await client.quit()
    finally:
        client.close()


class _Check:
    """The words of one attempt: where it went, and what may not be repeated."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials) -> None:
        self.where = f"{endpoint.host}:{endpoint.port}"
        self._security = endpoint.security
        self._credentials = credentials

    async def log_in(self, client: aiosmtplib.SMTP) -> None:
        credentials = self._credentials
        offered = {method.lower() for method in client.server_auth_methods}
        if not client.supports_extension("auth"):
            if credentials.username == "":
                return
            raise LoginRejected(
                f"{self.where} offers no login (no AUTH in its answer to EHLO). It may offer one "
                "only on its submission port: tls on 465 or starttls on 587."
            )
        if credentials.mechanism == "xoauth2":
            if "xoauth2" not in offered:
                raise LoginRejected(f"{self.where} does not take OAuth2 tokens (AUTH XOAUTH2).")
            with self.translated("login"):
                await client.auth_xoauth2(
                    credentials.username.encode(), credentials.secret.encode()
                )
            return
        await self._log_in_by_password(client, offered)

    async def _log_in_by_password(self, client: aiosmtplib.SMTP, offered: set[str]) -> None:
        user, secret = self._credentials.username.encode(), self._credentials.secret.encode()
        methods = {
            "plain": client.auth_plain,
            "login": client.auth_login,
            "cram-md5": client.auth_crammd5,
        }
        usable = [name for name in _MECHANISMS if name in offered]
        if not usable:
            raise LoginRejected(
                f"{self.where} takes no password in a way inboxd knows; it offers: "
                f"{self._shown(' '.join(sorted(offered)).upper()) or 'nothing'}."
            )
        for name in usable:
            try:
                with self.translated("login"):
                    await methods[name](user, secret)
            except LoginRejected as error:
                refused = error.__cause__
                if (
                    name == usable[-1]
                    or not isinstance(refused, aiosmtplib.SMTPResponseException)
                    or refused.code not in _NOT_UNDERSTOOD
                ):
                    raise
            else:
                return

    def silent(self, deadline_seconds: float) -> CannotConnect:
        """Nothing came in time."""
        wrong = (
            " Ports that expect TLS from the first byte (465) stay silent like this: use tls."
            if self._security is not Security.TLS
            else ""
        )
        return CannotConnect(
            f"{self.where} gave no answer within {deadline_seconds:g} s: check host and port."
            + wrong
        )

    @contextmanager
    def ignored(self) -> Iterator[None]:
        """For the farewell: the login was accepted already."""
        try:
            yield
        except (aiosmtplib.SMTPException, OSError):
            return

    @contextmanager
    def translated(self, step: str) -> Iterator[None]:
        """Turn what aiosmtplib raises during `step` into our own errors."""
        try:
            yield
        except aiosmtplib.SMTPResponseException as error:
            raise self._of_answer(error, step) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise self._of_failure(error, step) from error

    def _of_answer(self, error: aiosmtplib.SMTPResponseException, step: str) -> InboxdError:
        code, answer = error.code, self._shown(f"{error.code} {error.message}")
        if not 200 <= code <= 599:
            return self._gibberish(error.message)
        if code < 500:
            return Throttled(f"{self.where} asks to come back later: {answer}")
        if step == "login":
            return LoginRejected(
                f"{self.where} refused the login: {answer}. Check user name and password; many "
                "providers want an app password here."
            )
        if step == "starttls":
            return TlsUnavailable(f"{self.where} refused STARTTLS: {answer}")
        return CannotConnect(f"{self.where} turned us away: {answer}")

    def _of_failure(self, error: Exception, step: str) -> InboxdError:
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return TlsUntrusted(
                    f"The certificate of {self.where} is not trusted: {cause.verify_message}. "
                    "Check the host name, or add the authority to tls.ca_file."
                )
            if isinstance(cause, ssl.SSLError):
                return TlsUnavailable(
                    f"{self.where} does not speak TLS as expected "
                    f"({cause.reason or 'handshake failed'}): "
                    "try starttls (usually port 587) or tls (usually port 465)."
                )
            if isinstance(cause, TimeoutError):
                return CannotConnect(f"{self.where} gave no answer in time: check host and port.")
        if isinstance(error, aiosmtplib.SMTPConnectError | OSError) and not isinstance(
            error, aiosmtplib.SMTPServerDisconnected
        ):
            return CannotConnect(
                f"No connection to {self.where}: {self._shown(_reason(error))}. "
                "Check host and port."
            )
        if step == "connect":
            return self._gibberish(str(error))
        return CannotConnect(f"{self.where} ended the connection: {self._shown(str(error))}")

    def _gibberish(self, answer: str) -> NotAMailServer:
        return NotAMailServer(
            f"What answers at {self.where} is no SMTP server ({self._shown(answer)}): check host "
            "and port; 465 is usual with tls, 587 with starttls."
        )

    def _shown(self, answer: str) -> str:
        return shown(answer, self._credentials)


def _causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__


def _reason(error: BaseException) -> str:
    """The operating system's words where there are some, else the library's."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return str(error)
