"""From an address to its IMAP and SMTP servers (P1): the table, then DNS, then a guess.

What a forged DNS answer could do is bounded: an answer may lead to a known provider or to a host
of the address's own domain, whose certificate is then verified by name. Any other host is not
used but told, so that a password never goes where only the DNS said so (RFC 6186 6). Nothing is
fetched over HTTP, and no mail server is contacted here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import anyio
import anyio.to_thread

from inboxd.discovery import dns, providers
from inboxd.discovery.providers import Provider
from inboxd.model.addresses import domain_of, normalise
from inboxd.model.errors import BadInput, CannotConnect, NotFound
from inboxd.model.server import Endpoint, Security

T = TypeVar("T")

LOOKUP_SECONDS = 5.0
"""For each of the two rounds of DNS questions; a person waits for the answer."""


class Source(StrEnum):
    """How the servers were found, the most certain first."""

    PROVIDER = "provider"
    """The address's domain stands in the table."""
    SRV = "srv"
    """RFC 6186 records of the domain."""
    MX = "mx"
    """The domain's mail goes to a provider of the table."""
    GUESS = "guess"
    """Usual names below the domain that exist."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """Servers to try a login at."""

    imap: Endpoint
    smtp: Endpoint | None
    """None where only IMAP was found."""
    username: str
    """What nearly all servers take: the whole address."""
    source: Source
    imap_candidates: tuple[Endpoint, ...] = ()
    """More to try in this order where `imap` fails; only of a guess."""
    smtp_candidates: tuple[Endpoint, ...] = ()


_IMAP_SERVICES = (("_imaps._tcp", Security.TLS), ("_imap._tcp", Security.STARTTLS))
_SMTP_SERVICES = (("_submissions._tcp", Security.TLS), ("_submission._tcp", Security.STARTTLS))
"""RFC 8314 3: TLS from the first byte is preferred to STARTTLS."""

_IMAP_NAMES = ("imap", "mail", "mx")
_SMTP_NAMES = ("smtp", "mail", "mx")


async def discover(
    address: str,
    *,
    resolver: dns.Resolver | None = None,
    deadline_seconds: float = LOOKUP_SECONDS,
) -> Discovered:
    """Find the servers of `address`.

    Raises BadInput where it is no address, and NotFound, with what to pass instead, where no
    server can be found or only one that must not be trusted.
    """
    key = normalise(address)
    if key is None:
        raise BadInput("This is no e-mail address: write it as name@example.com.")
    table = await anyio.to_thread.run_sync(providers.load)
    search = _Search(
        username=address.strip().strip("<>"),
        domain=domain_of(key),
        table=table,
        resolver=resolver or dns.SystemResolver(deadline_seconds),
        deadline_seconds=deadline_seconds,
    )
    return await search.run()


class _Search:
    """One search for one domain."""

    def __init__(
        self,
        *,
        username: str,
        domain: str,
        table: Sequence[Provider],
        resolver: dns.Resolver,
        deadline_seconds: float,
    ) -> None:
        self._username = username
        self._domain = domain
        self._table = table
        self._resolver = resolver
        self._deadline_seconds = deadline_seconds
        self._unanswered = 0

    async def run(self) -> Discovered:
        provider = providers.of_domain(self._table, self._domain)
        if provider is not None:
            return self._at_provider(provider, Source.PROVIDER)
        questions = [f"{name}.{self._domain}" for name, _ in (*_IMAP_SERVICES, *_SMTP_SERVICES)]
        answers: dict[str, list[dns.Service]] = {}
        exchangers: dict[str, list[str]] = {}
        async with anyio.create_task_group() as tasks:
            for question in questions:
                tasks.start_soon(self._ask, self._resolver.services, question, answers)
            tasks.start_soon(self._ask, self._resolver.exchangers, self._domain, exchangers)
        found = self._of_services(answers)
        if found is None:
            hosts = exchangers.get(self._domain, ())
            by_mx = (providers.of_exchanger(self._table, host) for host in hosts)
            provider = next((one for one in by_mx if one is not None), None)
            found = self._at_provider(provider, Source.MX) if provider else await self._guess()
        return found

    async def _ask(
        self, ask: Callable[[str], Awaitable[T]], question: str, answers: dict[str, T]
    ) -> None:
        try:
            with anyio.fail_after(self._deadline_seconds):
                answers[question] = await ask(question)
        except (CannotConnect, TimeoutError):
            self._unanswered += 1

    def _at_provider(self, provider: Provider, source: Source) -> Discovered:
        if provider.imap is None:
            raise NotFound(f"{self._domain} is served by {provider.name}. {provider.note}")
        return Discovered(provider.imap, provider.smtp, self._username, source)

    def _of_services(self, answers: dict[str, list[dns.Service]]) -> Discovered | None:
        imap = self._best(_IMAP_SERVICES, answers)
        if imap is None:
            return None
        smtp = self._best(_SMTP_SERVICES, answers)
        known = providers.of_server(self._table, imap.host)
        if known is not None:
            return self._at_provider(known, Source.SRV)
        foreign = [
            end
            for end in (imap, smtp)
            if end is not None and not providers.is_within(end.host, self._domain)
        ]
        if foreign:
            raise NotFound(
                f"The DNS names {foreign[0].host} as a mail server of {self._domain}, which is "
                "no part of that domain, so no password is sent there unasked. If it is right, "
                f"pass --imap {imap.host}:{imap.port} --imap-security {imap.security}"
                + (
                    f" --smtp {smtp.host}:{smtp.port} --smtp-security {smtp.security}."
                    if smtp
                    else "."
                )
            )
        return Discovered(imap, smtp, self._username, Source.SRV)

    def _best(
        self,
        services: Sequence[tuple[str, Security]],
        answers: dict[str, list[dns.Service]],
    ) -> Endpoint | None:
        for name, security in services:
            for one in answers.get(f"{name}.{self._domain}", ()):
                if one.host and 0 < one.port < 65_536:
                    return Endpoint(one.host, one.port, security)
        return None

    async def _guess(self) -> Discovered:
        names = dict.fromkeys((*_IMAP_NAMES, *_SMTP_NAMES))
        hosts = [f"{name}.{self._domain}" for name in names] + [self._domain]
        exists: dict[str, bool] = {}
        async with anyio.create_task_group() as tasks:
            for host in hosts:
                tasks.start_soon(self._ask, self._resolver.exists, host, exists)
        imap = self._candidates(_IMAP_NAMES, exists, Endpoint("", 993, Security.TLS))
        smtp = self._candidates(_SMTP_NAMES, exists, Endpoint("", 465, Security.TLS)) + (
            self._candidates(_SMTP_NAMES, exists, Endpoint("", 587, Security.STARTTLS))
        )
        if not imap:
            raise self._nothing()
        return Discovered(
            imap[0],
            smtp[0] if smtp else None,
            self._username,
            Source.GUESS,
            imap_candidates=imap[1:],
            smtp_candidates=smtp[1:],
        )

    def _candidates(
        self, names: Sequence[str], exists: dict[str, bool], like: Endpoint
    ) -> tuple[Endpoint, ...]:
        hosts = [f"{name}.{self._domain}" for name in names] + [self._domain]
        return tuple(
            Endpoint(host, like.port, like.security) for host in hosts if exists.get(host)
        )

    def _nothing(self) -> NotFound:
        why = (
            f"the DNS did not answer about {self._domain}"
            if self._unanswered
            else f"{self._domain} names none in the DNS, and no usual name below it exists"
        )
        return NotFound(
            f"No mail server was found: {why}. Pass --imap HOST:PORT and --smtp HOST:PORT "
            "(or --no-smtp); your provider's help pages name them."
        )
