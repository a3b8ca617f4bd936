"""P1: an SMTP login is tried for real, and a refusal says host, port and the server's answer."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.abc
import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

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
from inboxd.smtp.client import check_login

ANN = Credentials("ann@example.com", "s3cret-öne")
WRONG = Credentials("ann@example.com", "wr0ng-password")
NOBODY = Credentials("", "")


class Authority:
    """A certificate authority of the tests' own, with contexts for both sides."""

    def __init__(self) -> None:
        authority = trustme.CA()
        self.trusting = ssl.create_default_context()
        authority.configure_trust(self.trusting)
        self.serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(self.serving)
        self.serving_another_name = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("other.example").configure_cert(self.serving_another_name)


AUTHORITY = Authority()


def authenticate(
    _server: object, _session: object, _envelope: object, _mechanism: str, data: object
) -> AuthResult:
    assert isinstance(data, LoginPassword)
    good = (data.login, data.password) == (ANN.username.encode(), ANN.secret.encode())
    return AuthResult(success=good, handled=False)


@asynccontextmanager
async def real_server(
    security: Security, *, certificate: ssl.SSLContext = AUTHORITY.serving, **options: Any
) -> AsyncIterator[Endpoint]:
    """aiosmtpd on a free port, with a login unless told else."""
    settings: dict[str, Any] = {"authenticator": authenticate, "auth_require_tls": False}
    if security is Security.STARTTLS:
        settings |= {"tls_context": certificate, "auth_require_tls": True}
    settings |= options
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(object(), hostname="test", enable_SMTPUTF8=True, **settings),
        "localhost",
        0,
        ssl=certificate if security is Security.TLS else None,
        family=2,
    )
    try:
        yield Endpoint("localhost", server.sockets[0].getsockname()[1], security)
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def scripted_server(
    *answers: bytes, security: Security = Security.NONE
) -> AsyncIterator[Endpoint]:
    """Says the first answer at once and one more after each line; then it hangs up."""

    async def talk(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            try:
                await stream.send(answers[0])
                for answer in answers[1:]:
                    await stream.receive()
                    await stream.send(answer)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, talk)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610  no Django here
        yield Endpoint("127.0.0.1", port, security)
        tasks.cancel_scope.cancel()


async def check(endpoint: Endpoint, credentials: Credentials = ANN, seconds: float = 5) -> None:
    await check_login(endpoint, credentials, tls=AUTHORITY.trusting, deadline_seconds=seconds)


async def refusal(
    endpoint: Endpoint, credentials: Credentials = ANN, seconds: float = 5
) -> InboxdError:
    """The error of a login that must not succeed; it names the place and hides the secret."""
    with pytest.raises(InboxdError) as caught:
        await check(endpoint, credentials, seconds)
    sentence = str(caught.value)
    assert endpoint.host in sentence
    if credentials.secret:
        assert credentials.secret not in sentence
        assert base64.b64encode(credentials.secret.encode()).decode() not in sentence
    return caught.value


@pytest.mark.parametrize("security", list(Security))
@pytest.mark.parametrize("excluded", [["PLAIN"], ["LOGIN"]])
async def test_a_right_password_is_accepted(security: Security, excluded: list[str]) -> None:
    async with real_server(security, auth_exclude_mechanism=excluded) as endpoint:
        await check(endpoint)


@pytest.mark.parametrize("security", list(Security))
async def test_a_wrong_password_is_refused_in_the_servers_words(security: Security) -> None:
    async with real_server(security) as endpoint:
        error = await refusal(endpoint, WRONG)
    assert isinstance(error, LoginRejected)
    assert "535 5.7.8 Authentication credentials invalid" in str(error)
    assert f":{endpoint.port}" in str(error)


async def test_a_refused_password_is_tried_once_only() -> None:
    """Providers lock accounts after a few wrong attempts."""
    async with scripted_server(
        b"220 test\r\n", b"250-test\r\n250 AUTH LOGIN PLAIN\r\n", b"535 5.7.8 no\r\n"
    ) as endpoint:
        assert isinstance(await refusal(endpoint, WRONG), LoginRejected)


async def test_a_mechanism_the_server_only_claims_to_have_is_passed_over() -> None:
    async with scripted_server(
        b"220 test\r\n",
        b"250-test\r\n250 AUTH LOGIN PLAIN\r\n",
        b"504 5.7.4 Unrecognized authentication type\r\n",
        b"334 UGFzc3dvcmQ6\r\n",
        b"235 2.7.0 welcome\r\n",
        b"221 bye\r\n",
    ) as endpoint:
        await check(endpoint)


async def test_a_token_is_accepted() -> None:
    """P34: XOAUTH2."""
    async with scripted_server(
        b"220 test\r\n",
        b"250-test\r\n250 AUTH XOAUTH2\r\n",
        b"235 2.7.0 welcome\r\n",
        b"221 bye\r\n",
    ) as endpoint:
        await check(endpoint, Credentials("ann@example.com", "ya29.token", "xoauth2"))


async def test_a_refused_token_is_answered_and_reported() -> None:
    """The server's error challenge needs an empty line before it says no."""
    async with scripted_server(
        b"220 test\r\n",
        b"250-test\r\n250 AUTH XOAUTH2\r\n",
        b"334 eyJzdGF0dXMiOiI0MDAifQ==\r\n",
        b"535 5.7.8 token expired\r\n",
    ) as endpoint:
        error = await refusal(endpoint, Credentials("ann@example.com", "ya29.token", "xoauth2"))
    assert isinstance(error, LoginRejected)
    assert "token expired" in str(error)


async def test_a_token_for_a_server_without_oauth_says_so() -> None:
    async with real_server(Security.NONE) as endpoint:
        error = await refusal(endpoint, Credentials("ann@example.com", "ya29.token", "xoauth2"))
    assert isinstance(error, LoginRejected)
    assert "OAuth2" in str(error)


async def test_a_server_without_a_login_is_refused_unless_none_is_wanted() -> None:
    async with scripted_server(b"220 test\r\n", b"250 test\r\n", b"221 bye\r\n") as endpoint:
        error = await refusal(endpoint)
        await check(endpoint, NOBODY)
    assert isinstance(error, LoginRejected)
    assert "no login" in str(error)


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_a_certificate_of_another_name_is_not_trusted(security: Security) -> None:
    async with real_server(security, certificate=AUTHORITY.serving_another_name) as endpoint:
        error = await refusal(endpoint)
    assert isinstance(error, TlsUntrusted)
    assert "Hostname mismatch" in str(error)


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_a_certificate_of_an_unknown_authority_is_not_trusted(security: Security) -> None:
    async with real_server(security) as endpoint:
        with pytest.raises(TlsUntrusted, match=r"tls\.ca_file"):
            await check_login(endpoint, ANN, tls=ssl.create_default_context())


async def test_starttls_fails_closed_where_it_is_not_offered() -> None:
    """No login is tried over a connection whose STARTTLS somebody stripped."""
    async with scripted_server(
        b"220 test\r\n", b"250-test\r\n250 AUTH PLAIN\r\n", security=Security.STARTTLS
    ) as endpoint:
        error = await refusal(endpoint)
    assert isinstance(error, TlsUnavailable)


async def test_a_refused_starttls_is_no_login_either() -> None:
    async with scripted_server(
        b"220 test\r\n",
        b"250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
        b"502 not now\r\n",
        security=Security.STARTTLS,
    ) as endpoint:
        error = await refusal(endpoint)
    assert isinstance(error, TlsUnavailable)
    assert "502 not now" in str(error)


async def test_tls_to_a_port_without_tls_says_so() -> None:
    async with real_server(Security.NONE) as plain:
        error = await refusal(Endpoint(plain.host, plain.port, Security.TLS))
    assert isinstance(error, TlsUnavailable)


async def test_a_plain_connection_to_another_machine_is_refused_before_connecting() -> None:
    error = await refusal(Endpoint("mail.example.com", 25, Security.NONE))
    assert isinstance(error, PlaintextRefused)


@pytest.mark.parametrize(
    "greeting",
    [
        b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff\xfe garbage\r\n",
        b"<html><title>400</title></html>\r\n",
        b"x" * 100_000 + b"\r\n",
    ],
)
async def test_what_is_no_smtp_server_is_called_so(greeting: bytes) -> None:
    async with scripted_server(greeting) as endpoint:
        error = await refusal(endpoint)
    assert isinstance(error, NotAMailServer)
    assert len(str(error)) < 600
    assert str(error).isprintable()


@pytest.mark.parametrize(
    "answers",
    [
        (b"421 4.7.0 too many connections\r\n",),
        (b"220 test\r\n", b"421 4.7.0 too many connections\r\n"),
        (
            b"220 test\r\n",
            b"250-test\r\n250 AUTH PLAIN\r\n",
            b"454 4.7.0 too many connections\r\n",
        ),
    ],
)
async def test_a_request_for_patience_is_no_refusal(answers: tuple[bytes, ...]) -> None:
    """P20: only a clear refusal waits for a person."""
    async with scripted_server(*answers) as endpoint:
        error = await refusal(endpoint)
    assert isinstance(error, Throttled)
    assert "too many connections" in str(error)


async def test_a_server_that_turns_everybody_away_is_quoted() -> None:
    async with scripted_server(b"554 5.7.1 blocked by policy\r\n") as endpoint:
        error = await refusal(endpoint)
    assert isinstance(error, CannotConnect)
    assert "blocked by policy" in str(error)


async def test_a_server_that_hangs_up_without_a_word_may_be_tried_again() -> None:
    async with scripted_server(b"") as endpoint:
        assert isinstance(await refusal(endpoint), CannotConnect)


async def test_a_silent_server_is_given_up_at_the_deadline() -> None:
    async with scripted_server(b"", b"") as endpoint:
        error = await refusal(endpoint, seconds=0.2)
    assert isinstance(error, CannotConnect)
    assert "0.2 s" in str(error) or "in time" in str(error)


async def test_a_closed_port_and_an_unknown_name_are_named() -> None:
    async with scripted_server(b"") as endpoint:
        pass
    assert isinstance(await refusal(endpoint), CannotConnect)
    unknown = Endpoint("no-such-host.invalid", 465, Security.TLS)
    assert isinstance(await refusal(unknown), CannotConnect)


async def test_a_server_that_repeats_the_secret_does_not_bring_it_to_light() -> None:
    """P34: no password in any error."""
    echo = base64.b64encode(f"\0{WRONG.username}\0{WRONG.secret}".encode())
    async with scripted_server(
        b"220 test\r\n",
        b"250-test\r\n250 AUTH PLAIN\r\n",
        b"535 bad line: AUTH PLAIN " + echo + b" (" + WRONG.secret.encode() + b")\r\n",
    ) as endpoint:
        error = await refusal(endpoint, WRONG)
    assert echo.decode() not in str(error)
    assert "bad line" in str(error)
