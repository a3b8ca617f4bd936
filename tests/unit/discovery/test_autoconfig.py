"""P1: server names, ports and TLS modes are discovered from the address."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Never

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.discovery.autoconfig import Discovered, Source, discover
from inboxd.discovery.dns import Service
from inboxd.model.errors import BadInput, CannotConnect, InboxdError, NotFound
from inboxd.model.server import Endpoint, Security


@dataclass
class Names:
    """A DNS that holds just these names and remembers that it was asked."""

    srv: dict[str, list[Service]] = field(default_factory=dict)
    mx: dict[str, list[str]] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def services(self, name: str) -> list[Service]:
        self.asked.append(name)
        return self.srv.get(name, [])

    async def exchangers(self, domain: str) -> list[str]:
        self.asked.append(domain)
        return self.mx.get(domain, [])

    async def exists(self, host: str) -> bool:
        self.asked.append(host)
        return host in self.hosts


class NoAnswer:
    """A DNS that is out of reach, at once or by never coming back."""

    def __init__(self, *, stuck: bool) -> None:
        self._stuck = stuck

    async def services(self, name: str) -> list[Service]:
        return await self._fail(name)

    async def exchangers(self, domain: str) -> list[str]:
        return await self._fail(domain)

    async def exists(self, host: str) -> bool:
        return await self._fail(host)

    async def _fail(self, question: str) -> Never:
        if self._stuck:
            await anyio.sleep_forever()
        raise CannotConnect(f"The DNS gave no answer about {question}.")


def tls(host: str, port: int) -> Endpoint:
    return Endpoint(host, port, Security.TLS)


async def test_a_known_domain_needs_no_lookup() -> None:
    names = Names()
    found = await discover("Ann@GMail.com", resolver=names)
    assert found == Discovered(
        tls("imap.gmail.com", 993), tls("smtp.gmail.com", 465), "Ann@GMail.com", Source.PROVIDER
    )
    assert names.asked == []


@pytest.mark.parametrize("domain", ["proton.me", "tuta.com"])
async def test_a_provider_without_imap_is_told_with_what_to_do(domain: str) -> None:
    with pytest.raises(NotFound, match=r"IMAP"):
        await discover(f"ann@{domain}", resolver=Names())


async def test_service_records_of_the_domain_are_followed() -> None:
    """RFC 6186, with TLS from the first byte before STARTTLS (RFC 8314)."""
    names = Names(
        srv={
            "_imaps._tcp.example.com": [Service("box.example.com", 1993)],
            "_imap._tcp.example.com": [Service("old.example.com", 143)],
            "_submission._tcp.example.com": [Service("out.example.com", 587)],
        }
    )
    found = await discover("ann@example.com", resolver=names)
    assert found.imap == tls("box.example.com", 1993)
    assert found.smtp == Endpoint("out.example.com", 587, Security.STARTTLS)
    assert found.source is Source.SRV


async def test_a_service_that_the_domain_says_it_lacks_is_not_used() -> None:
    """RFC 6186 3.4: the target `.` means: not here."""
    names = Names(
        srv={
            "_imaps._tcp.example.com": [Service("", 0)],
            "_imap._tcp.example.com": [Service("box.example.com", 143)],
        }
    )
    found = await discover("ann@example.com", resolver=names)
    assert found.imap == Endpoint("box.example.com", 143, Security.STARTTLS)
    assert found.smtp is None


async def test_a_service_record_may_lead_to_a_known_provider() -> None:
    names = Names(srv={"_imaps._tcp.example.com": [Service("imap.fastmail.com", 993)]})
    found = await discover("ann@example.com", resolver=names)
    assert found.smtp == tls("smtp.fastmail.com", 465)


async def test_a_service_record_to_a_stranger_is_told_and_not_used() -> None:
    """RFC 6186 6: a forged answer must not bring the password to another host."""
    names = Names(srv={"_imaps._tcp.example.com": [Service("imap.evil.example", 993)]})
    with pytest.raises(NotFound, match=r"--imap imap\.evil\.example:993"):
        await discover("ann@example.com", resolver=names)


async def test_a_name_that_only_ends_alike_is_a_stranger() -> None:
    names = Names(srv={"_imaps._tcp.example.com": [Service("evilexample.com", 993)]})
    with pytest.raises(NotFound):
        await discover("ann@example.com", resolver=names)


async def test_the_mail_exchanger_tells_the_provider() -> None:
    names = Names(mx={"example.com": ["mx.other.example", "aspmx.l.google.com"]})
    found = await discover("ann@example.com", resolver=names)
    assert found.imap == tls("imap.gmail.com", 993)
    assert found.source is Source.MX


async def test_else_usual_names_that_exist_are_candidates() -> None:
    names = Names(hosts={"imap.example.com", "mail.example.com"})
    found = await discover("ann@example.com", resolver=names)
    assert found.source is Source.GUESS
    assert (found.imap, *found.imap_candidates) == (
        tls("imap.example.com", 993),
        tls("mail.example.com", 993),
    )
    assert found.smtp == tls("mail.example.com", 465)
    assert found.smtp_candidates == (Endpoint("mail.example.com", 587, Security.STARTTLS),)


async def test_an_international_domain_is_asked_for_in_its_wire_form() -> None:
    names = Names(hosts={"imap.xn--bcher-kva.example"})
    found = await discover("ann@Bücher.example", resolver=names)
    assert found.imap.host == "imap.xn--bcher-kva.example"


async def test_where_nothing_is_found_the_way_out_is_told() -> None:
    with pytest.raises(NotFound, match=r"--imap HOST:PORT"):
        await discover("ann@example.com", resolver=Names())


@pytest.mark.parametrize("resolver", [NoAnswer(stuck=False), NoAnswer(stuck=True)])
async def test_a_dns_that_does_not_answer_is_said_to_be_so(resolver: NoAnswer) -> None:
    with pytest.raises(NotFound, match=r"did not answer.*--imap HOST:PORT"):
        await discover("ann@example.com", resolver=resolver, deadline_seconds=0.05)


@pytest.mark.parametrize("address", ["", "ann", "@example.com", "ann@", "ann lee@example.com"])
async def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BadInput):
        await discover(address, resolver=Names())


HOSTS = st.sampled_from(
    ["", "box.example.com", "example.com", "evil.example", "evilexample.com", "imap.gmail.com"]
)
SERVICES = st.lists(st.builds(Service, HOSTS, st.integers(0, 65_535)), max_size=3)


@given(
    srv=st.dictionaries(
        st.sampled_from(
            [f"_{one}._tcp.example.com" for one in ("imaps", "imap", "submissions", "submission")]
        ),
        SERVICES,
    ),
    mx=st.lists(HOSTS, max_size=3),
    hosts=st.sets(st.sampled_from(["imap.example.com", "mail.example.com", "example.com"])),
)
def test_no_answer_of_the_dns_leads_to_a_stranger_or_without_tls(
    srv: dict[str, list[Service]], mx: list[str], hosts: set[str]
) -> None:
    async def run() -> None:
        try:
            found = await discover(
                "ann@example.com", resolver=Names(srv, {"example.com": mx}, hosts)
            )
        except InboxdError as error:
            assert isinstance(error, NotFound)  # noqa: PT017  either outcome is right
            return
        for end in (found.imap, found.smtp, *found.imap_candidates, *found.smtp_candidates):
            if end is not None:
                assert end.security is not Security.NONE
                assert f".{end.host}".endswith((".example.com", ".gmail.com"))

    anyio.run(run)
