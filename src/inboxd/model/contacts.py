"""People as a source of contacts brings them in, before the store gives them an id (P24)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NewContact:
    """A person to be added."""

    name: str
    """May be empty: an address is enough."""
    addresses: tuple[str, ...]
    """At least one, as written; each has a normal form, and no two have the same."""
