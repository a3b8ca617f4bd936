"""The system's resolver, against a name server on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import pytest
from dns import asyncresolver, message, rcode, rrset

from inboxd.discovery.dns import Service, SystemResolver
from inboxd.model.errors import CannotConnect

ZONE = {
    ("_imaps._tcp.example.com.", "SRV"): ["10 5 993 B.example.com.", "5 1 994 a.example.com."],
    ("_imap._tcp.example.com.", "SRV"): ["0 0 0 ."],
    ("example.com.", "MX"): ["20 mx2.example.com.", "10 MX1.example.com."],
}


def answer(question: bytes) -> bytes:
    query = message.from_wire(question)
    reply = message.make_response(query)
    asked = query.question[0]
    records = ZONE.get((asked.name.to_text(), asked.rdtype.name))
    if records:
        reply.answer.append(rrset.from_text(asked.name, 60, "IN", asked.rdtype.name, *records))
    elif "nothing" not in asked.name.to_text():
        reply.set_rcode(rcode.NXDOMAIN)
    return reply.to_wire()


@asynccontextmanager
async def name_server(reply: Callable[[bytes], bytes | None]) -> AsyncIterator[SystemResolver]:
    async with await anyio.create_udp_socket(local_host="127.0.0.1") as socket:

        async def serve() -> None:
            async for packet, peer in socket:
                out = reply(packet)
                if out is not None:
                    await socket.sendto(out, *peer)

        def asker() -> asyncresolver.Resolver:
            made = asyncresolver.Resolver(configure=False)
            made.nameservers = ["127.0.0.1"]
            made.port = socket.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610
            return made

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            yield SystemResolver(0.3, asker)
            tasks.cancel_scope.cancel()


async def test_services_come_best_first_and_in_lower_case() -> None:
    async with name_server(answer) as resolver:
        assert await resolver.services("_imaps._tcp.example.com") == [
            Service("a.example.com", 994, 5, 1),
            Service("b.example.com", 993, 10, 5),
        ]


async def test_a_service_that_is_denied_has_no_host() -> None:
    async with name_server(answer) as resolver:
        assert await resolver.services("_imap._tcp.example.com") == [Service("", 0)]


async def test_exchangers_come_best_first() -> None:
    async with name_server(answer) as resolver:
        assert await resolver.exchangers("example.com") == ["mx1.example.com", "mx2.example.com"]


@pytest.mark.parametrize("domain", ["absent.example", "nothing.example", "a..b", "x" * 70 + ".de"])
async def test_a_name_without_records_has_none(domain: str) -> None:
    async with name_server(answer) as resolver:
        assert await resolver.exchangers(domain) == []
        assert await resolver.services(domain) == []


async def test_a_silent_name_server_is_no_answer() -> None:
    async with name_server(lambda _: None) as resolver:
        with pytest.raises(CannotConnect):
            await resolver.exchangers("example.com")


async def test_garbage_from_a_name_server_is_no_answer() -> None:
    async with name_server(lambda _: b"\x00garbage") as resolver:
        with pytest.raises(CannotConnect):
            await resolver.exchangers("example.com")


async def test_this_machine_exists_and_a_reserved_name_does_not() -> None:
    resolver = SystemResolver()
    assert await resolver.exists("localhost")
    assert not await resolver.exists("no-such-host.invalid")
