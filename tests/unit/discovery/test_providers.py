"""The table of providers is data; these tests keep it usable."""

from __future__ import annotations

import pytest

from inboxd.discovery import providers
from inboxd.model.addresses import domain_of, normalise
from inboxd.model.server import Endpoint, Security

TABLE = providers.load()


def test_no_domain_belongs_to_two_providers() -> None:
    domains = [domain for one in TABLE for domain in one.domains]
    exchangers = [exchanger for one in TABLE for exchanger in one.exchangers]
    assert len(domains) == len(set(domains))
    assert len(exchangers) == len(set(exchangers))


def test_every_domain_is_in_the_normal_form_that_lookups_use() -> None:
    for one in TABLE:
        for domain in one.domains:
            key = normalise(f"x@{domain}")
            assert key is not None
            assert domain_of(key) == domain


def test_every_server_is_protected_and_on_its_usual_port() -> None:
    for one in TABLE:
        if one.imap is None:
            assert one.note
            continue
        assert (one.imap.port, one.imap.security) == (993, Security.TLS)
        assert one.smtp is not None
        assert (one.smtp.port, one.smtp.security) in (
            (465, Security.TLS),
            (587, Security.STARTTLS),
        )


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("aspmx.l.google.com", "Gmail"),
        ("example-com.mail.protection.outlook.com", "Microsoft 365"),
        ("eur.olc.protection.outlook.com", "Outlook.com"),
        ("in1-smtp.messagingengine.com", "Fastmail"),
        ("mx00.kundenserver.de", "IONOS (Germany)"),
        ("smtpin.rzone.de", "STRATO"),
    ],
)
def test_an_mx_host_tells_the_provider(host: str, name: str) -> None:
    found = providers.of_exchanger(TABLE, host)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("host", ["notgoogle.com", "google.com.evil.example", ""])
def test_a_name_that_only_looks_alike_tells_nothing(host: str) -> None:
    assert providers.of_exchanger(TABLE, host) is None


def test_a_server_tells_its_provider() -> None:
    found = providers.of_server(TABLE, "imap.gmail.com")
    assert found is not None
    assert found.imap == Endpoint("imap.gmail.com", 993, Security.TLS)
