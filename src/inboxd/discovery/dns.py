"""The three questions that discovery asks the DNS, behind an interface that tests answer too."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import anyio
import anyio.to_thread
from dns import asyncresolver, exception, name, rdatatype, resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.IN.SRV import SRV

from inboxd.model.errors import CannotConnect


@dataclass(frozen=True, slots=True)
class Service:
    """One SRV record (RFC 2782)."""

    host: str
    """Lower case, no dot at its end; empty where the domain says it has no such service."""
    port: int
    priority: int = 0
    weight: int = 0


class Resolver(Protocol):
    """Answers about names. Every method raises CannotConnect where the DNS does not answer."""

    async def services(self, name: str) -> list[Service]:
        """The SRV records of `name`, best first; empty where there are none."""

    async def exchangers(self, domain: str) -> list[str]:
        """The MX hosts of `domain`, best first, lower case; empty where there are none."""

    async def exists(self, host: str) -> bool:
        """Whether `host` has an address."""


class SystemResolver:
    """Asks the name servers of this machine, or those of the asker that `make_asker` gives."""

    def __init__(
        self,
        deadline_seconds: float = 5.0,
        make_asker: Callable[[], asyncresolver.Resolver] = asyncresolver.Resolver,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._make_asker = make_asker

    async def services(self, name: str) -> list[Service]:
        """See Resolver."""
        records = [one for one in await self._ask(name, rdatatype.SRV) if isinstance(one, SRV)]
        records.sort(key=lambda one: (one.priority, -one.weight))
        return [Service(_host(one.target), one.port, one.priority, one.weight) for one in records]

    async def exchangers(self, domain: str) -> list[str]:
        """See Resolver."""
        records = [one for one in await self._ask(domain, rdatatype.MX) if isinstance(one, MX)]
        records.sort(key=lambda one: one.preference)
        return [host for host in (_host(one.exchange) for one in records) if host]

    async def exists(self, host: str) -> bool:
        """See Resolver."""
        try:
            with anyio.fail_after(self._deadline_seconds):
                return bool(await anyio.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        except TimeoutError:
            raise self._no_answer() from None
        except (OSError, UnicodeError):
            return False

    async def _ask(self, question: str, kind: rdatatype.RdataType) -> list[object]:
        try:
            with anyio.fail_after(self._deadline_seconds):
                # Reading /etc/resolv.conf blocks.
                asker = await anyio.to_thread.run_sync(self._make_asker)
                answer = await asker.resolve(
                    question, kind, lifetime=self._deadline_seconds, raise_on_no_answer=False
                )
        except (resolver.NXDOMAIN, resolver.YXDOMAIN, name.LabelTooLong, name.EmptyLabel):
            return []
        except (TimeoutError, exception.DNSException, OSError):
            raise self._no_answer() from None
        return list(answer.rrset or ())

    def _no_answer(self) -> CannotConnect:
        return CannotConnect(f"The DNS gave no answer within {self._deadline_seconds:g} s.")


def _host(target: name.Name) -> str:
    return target.to_text(omit_final_dot=True).lower().removesuffix(".")
