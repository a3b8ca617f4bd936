"""Contacts out of Pipedrive: its persons, page by page, over the REST API v2 (P24).

The token goes into one header and nowhere else: not into the URL, which servers and proxies log,
and not into any error. What an answer holds is not trusted: its size is bounded, and an entry of
an unknown shape is left out.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from typing import TypeAlias

import anyio
import anyio.to_thread
import httpx2

from inboxd.backoff import Backoff
from inboxd.clock import Clock
from inboxd.model.addresses import normalise
from inboxd.model.contacts import NewContact
from inboxd.model.errors import (
    BadInput,
    CannotConnect,
    CommandRefused,
    ConnectionLost,
    InboxdError,
    LoginRejected,
    PlaintextRefused,
    ProtocolViolated,
    ServerSilent,
    ServerTrouble,
    Throttled,
    TlsUntrusted,
)
from inboxd.model.ids import AddressKey
from inboxd.model.server import Endpoint, Security

PATH = "/api/v2/persons"

PAGE_PERSONS = 500
"""The most the API gives at once; each request costs the same of the account's daily budget."""

MAX_PAGE_BYTES = 10 * 1024 * 1024
"""Pages of 500 persons with many custom fields reach about 2 MB; beyond that it is no page."""

MAX_CURSOR = 2_000
"""Characters. Cursors are some dozens long, and one goes into a URL, which servers bound."""

MAX_NAME = 500
MAX_ID = 2**63 - 1
"""What a database column holds."""

LEAST_PATIENCE_SECONDS = 1.0
"""After a 429. The API tells whole seconds, and a rest of half a second is told as 0."""

MOST_PATIENCE_SECONDS = 300.0
"""After a 429. An exhausted daily budget is told as hours; a person who waits for the contacts
should learn of it before then."""

FIRST_PAUSE_SECONDS = 1.0
MOST_PAUSE_SECONDS = 60.0
"""Between tries after a failure. A fault of minutes is sat out; a longer one is told."""

_READABLE_TOKEN = re.compile(r"[\x21-\x7e]+\Z")
_READABLE_CURSOR = re.compile(rf"[\x21-\x7e]{{1,{MAX_CURSOR}}}\Z")
_HOST = re.compile(rb"[A-Za-z0-9._:-]+\Z")
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?\Z", re.ASCII)
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")

_REMEDY = (
    "make a new one under Settings > Personal preferences > API and set it with "
    "inboxctl contact source pipedrive."
)
_RIGHT_ADDRESS = "give the company's own address, as https://example.pipedrive.com."
_REFUSED: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: f"Pipedrive refuses the token: {_REMEDY}",
    HTTPStatus.FORBIDDEN: (
        "Pipedrive does not let the token's user read persons: have an administrator give the "
        "permission and API access, or set the token of another user."
    ),
}

_Json: TypeAlias = "dict[str, _Json] | list[_Json] | str | int | float | bool | None"


class PipedriveDown(ServerTrouble):
    """Pipedrive answered with a fault of its own (5xx): nothing that asks differently helps."""


_PASSING = (CannotConnect, ConnectionLost, ServerSilent, PipedriveDown, Throttled)
"""What may be over at the next try; other errors would only repeat."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a Pipedrive account."""

    id: int
    """Pipedrive's own; it stays when name and addresses change."""
    contact: NewContact
    """The primary address comes first."""


async def persons(
    base_url: str, token: str, *, clock: Clock, timeout_seconds: float = 30, tries: int = 5
) -> AsyncGenerator[Sequence[Person], None]:
    """Pull every person that has a usable e-mail address; yields page after page.

    A page may be empty. `base_url` is the company's own, as https://example.pipedrive.com.
    `timeout_seconds` is for one request with its whole answer; what fails in passing is tried up
    to `tries` times in a row, and waiting is done on `clock`. Use it within contextlib.aclosing
    where not all pages are read, so that the connection ends.

    Raises, where a person must act: BadInput (no such API at `base_url`), PlaintextRefused (http
    to another machine), LoginRejected (token) and TlsUntrusted. Worth another attempt later:
    CannotConnect, ConnectionLost, ServerSilent, PipedriveDown, Throttled, CommandRefused and
    ProtocolViolated.
    """
    base = _checked_base(base_url)
    if not _READABLE_TOKEN.match(token):
        # The library would say so too, with the token in its words.
        raise LoginRejected(f"This can be no token of Pipedrive: {_REMEDY}")
    # It reads the system's certificates from disk.
    tls = await anyio.to_thread.run_sync(ssl.create_default_context)
    async with httpx2.AsyncClient(
        verify=tls,
        headers={
            "x-api-token": token,
            "accept": "application/json",
            # Unpacked, an answer could outgrow the limit before it can be measured.
            "accept-encoding": "identity",
        },
        follow_redirects=False,
        # One deadline is set around each request: these begin anew with every byte.
        timeout=None,
        # A proxy of the environment would read what is not encrypted.
        trust_env=not _is_this_machine(base),
    ) as http:
        url = base.copy_with(path=base.path.rstrip("/") + PATH)
        pages = _Pages(http, url, clock, timeout_seconds, tries)
        cursor: str | None = ""
        seen: set[str] = set()
        while cursor is not None:
            if cursor in seen:
                raise ProtocolViolated(
                    f"{base.host} leads back to a page that was read already: try again later."
                )
            seen.add(cursor)
            found, cursor = _read(await pages.get(cursor), base.host)
            yield found


@dataclass(frozen=True, slots=True, repr=False)
class _Pages:
    """Gets one page after the other, patiently."""

    http: httpx2.AsyncClient
    url: httpx2.URL
    clock: Clock
    timeout_seconds: float
    tries: int

    async def get(self, cursor: str) -> bytes:
        """The body of the page at `cursor`, or of the first one where that is empty."""
        random = Random()  # noqa: S311 - spreads retries, keeps no secret
        backoff = Backoff(FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS, random)
        tried = 0
        while True:
            tried += 1
            try:
                return await self._once(cursor)
            except _PASSING as error:
                if tried >= self.tries:
                    raise
                told = error.retry_after_seconds if isinstance(error, Throttled) else None
            await self.clock.sleep(backoff.next() if told is None else _bounded(told))

    async def _once(self, cursor: str) -> bytes:
        asked = {"limit": str(PAGE_PERSONS)}
        if cursor:
            asked["cursor"] = cursor
        try:
            with anyio.fail_after(self.timeout_seconds), _translated(self.url.host):
                async with self.http.stream("GET", self.url, params=asked) as answer:
                    if answer.status_code != HTTPStatus.OK:
                        raise _refusal(answer)
                    return await self._body(answer)
        except TimeoutError:
            raise ServerSilent(
                f"{self.url.host} did not answer within {self.timeout_seconds:g} s: try again "
                "later."
            ) from None

    async def _body(self, answer: httpx2.Response) -> bytes:
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > MAX_PAGE_BYTES:
                raise ProtocolViolated(
                    f"{self.url.host} sent a page of more than {MAX_PAGE_BYTES // 2**20} MiB: "
                    "check that the address is that of a Pipedrive."
                )
        return bytes(body)


def _refusal(answer: httpx2.Response) -> InboxdError:
    status, host = answer.status_code, answer.url.host
    if status in _REFUSED:
        return LoginRejected(_REFUSED[status])
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(
            "Pipedrive takes no more requests for now (rate limit or daily budget): try again "
            "later.",
            retry_after_seconds=_told_seconds(answer.headers),
        )
    if status == HTTPStatus.NOT_FOUND or 300 <= status < 400:
        return BadInput(f"No Pipedrive answers at {host} (HTTP {status}): {_RIGHT_ADDRESS}")
    if status >= 500:
        return PipedriveDown(f"{host} is in trouble (HTTP {status}): try again later.")
    return CommandRefused(
        f"{host} refuses to list persons (HTTP {status}): try again later, and if it stays so, "
        "look into Pipedrive with the token's user."
    )


def _told_seconds(headers: httpx2.Headers) -> float | None:
    """The longer of both times told: one is of the short window, one of what was exceeded."""
    told = (headers.get(name, "").strip() for name in ("retry-after", "x-ratelimit-reset"))
    return max((float(text) for text in told if _SECONDS.match(text)), default=None)


def _bounded(seconds: float) -> float:
    return min(MOST_PATIENCE_SECONDS, max(LEAST_PATIENCE_SECONDS, seconds))


def _checked_base(base_url: str) -> httpx2.URL:
    """`base_url` as the library itself reads it; raises BadInput or PlaintextRefused."""
    try:
        base = httpx2.URL(base_url.strip())
    except (httpx2.InvalidURL, ValueError):
        base = httpx2.URL("")
    if base.scheme not in ("https", "http") or not _HOST.match(base.raw_host):
        raise BadInput(f"This is no address of a Pipedrive: {_RIGHT_ADDRESS}")
    if base.userinfo or base.query or base.fragment:
        # Not repeated: this may be where a token was put.
        raise BadInput(f"The address of a Pipedrive holds no token: {_RIGHT_ADDRESS}")
    if base.scheme == "http" and not _is_this_machine(base):
        raise PlaintextRefused(
            f"{base.host} is not this machine, so the token would travel in the clear: use https."
        )
    return base


def _is_this_machine(base: httpx2.URL) -> bool:
    return Endpoint(base.host, base.port or 0, Security.NONE).is_this_machine


@contextmanager
def _translated(host: str) -> Iterator[None]:
    """The library's exceptions as ours, without its words: these may quote a header."""
    try:
        yield
    except httpx2.ConnectError as error:
        if _is_about_a_certificate(error):
            raise TlsUntrusted(
                f"The certificate of {host} is not trusted: check the address, the clock of this "
                "machine and its certificate authorities."
            ) from None
        raise CannotConnect(
            f"{host} cannot be reached: check the address and the network, or try again later."
        ) from None
    except (httpx2.HTTPError, OSError):
        raise ConnectionLost(
            f"The connection to {host} ended before the whole answer was here: try again later."
        ) from None


def _is_about_a_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _read(body: bytes, host: str) -> tuple[tuple[Person, ...], str | None]:
    """The persons of a page, and the cursor of the next page. Raises ProtocolViolated."""
    try:
        page: _Json = json.loads(body)
    except (ValueError, RecursionError):
        raise ProtocolViolated(f"What {host} sent is no JSON: {_RIGHT_ADDRESS}") from None
    told = page if isinstance(page, dict) and page.get("success") is True else {}
    entries = told.get("data", "nothing")
    # An account without persons may have null here.
    if entries is not None and not isinstance(entries, list):
        raise ProtocolViolated(f"What {host} sent is no list of persons: {_RIGHT_ADDRESS}")
    found = (_person(entry) for entry in entries or ())
    return tuple(person for person in found if person is not None), _next_cursor(told, host)


def _next_cursor(page: dict[str, _Json], host: str) -> str | None:
    more = page.get("additional_data") or {}
    cursor = more.get("next_cursor") if isinstance(more, dict) else False
    if cursor is None or cursor == "":
        return None
    # To end here as if all were read would lose persons without a word.
    if not isinstance(cursor, str) or not _READABLE_CURSOR.match(cursor):
        raise ProtocolViolated(
            f"{host} tells no readable place of the next page: try again later."
        )
    return cursor


def _person(entry: _Json) -> Person | None:
    if not isinstance(entry, dict) or entry.get("is_deleted") is True:
        return None
    number, name = entry.get("id"), entry.get("name")
    # In Python, True is an int too.
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= MAX_ID:
        return None
    addresses = _addresses(entry.get("emails"))
    if not addresses:
        return None
    clean = _UNREADABLE.sub(" ", name) if isinstance(name, str) else ""
    return Person(number, NewContact(" ".join(clean.split())[:MAX_NAME], addresses))


def _addresses(emails: _Json) -> tuple[str, ...]:
    """The usable addresses, each mailbox once, the primary one first."""
    if not isinstance(emails, list):
        return ()
    shaped = [email for email in emails if isinstance(email, dict)]
    shaped.sort(key=lambda email: email.get("primary") is not True)
    keys: dict[AddressKey, str] = {}
    for email in shaped:
        value = email.get("value")
        key = normalise(value) if isinstance(value, str) else None
        if isinstance(value, str) and key is not None:
            keys.setdefault(key, value.strip())
    return tuple(keys.values())
