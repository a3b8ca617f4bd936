"""The providers that many people use, as data: their domains, mail exchangers and servers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from inboxd.model.server import Endpoint, Security


@dataclass(frozen=True, slots=True)
class Provider:
    """One entry of providers.json."""

    name: str
    domains: frozenset[str]
    """Of the addresses that it gives away."""
    exchangers: tuple[str, ...]
    """Names at or below which the MX hosts of its customers' domains lie."""
    imap: Endpoint | None
    """None where it has no IMAP server; then `note` says what to do instead."""
    smtp: Endpoint | None
    note: str


def load() -> tuple[Provider, ...]:
    """Read the table. Blocks on a small file."""
    text = resources.files("inboxd.discovery").joinpath("providers.json").read_text("utf-8")
    return tuple(
        Provider(
            name=entry["name"],
            domains=frozenset(entry["domains"]),
            exchangers=tuple(entry["mx"]),
            imap=_endpoint(entry.get("imap")),
            smtp=_endpoint(entry.get("smtp")),
            note=entry.get("note", ""),
        )
        for entry in json.loads(text)
    )


def _endpoint(entry: dict[str, Any] | None) -> Endpoint | None:
    if entry is None:
        return None
    return Endpoint(str(entry["host"]), int(entry["port"]), Security(entry["security"]))


def of_domain(providers: Iterable[Provider], domain: str) -> Provider | None:
    """The provider that gives away addresses at `domain`."""
    return next((one for one in providers if domain in one.domains), None)


def of_exchanger(providers: Iterable[Provider], host: str) -> Provider | None:
    """The provider whose machine the MX host `host` is; the longest name decides."""
    found = [
        (len(exchanger), one)
        for one in providers
        for exchanger in one.exchangers
        if is_within(host, exchanger)
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def of_server(providers: Iterable[Provider], host: str) -> Provider | None:
    """The provider whose IMAP or SMTP server `host` is."""
    return next(
        (
            one
            for one in providers
            if any(end and end.host == host for end in (one.imap, one.smtp))
        ),
        None,
    )


def is_within(host: str, domain: str) -> bool:
    """Whether `host` is `domain` or lies below it."""
    return host == domain or host.endswith("." + domain)
