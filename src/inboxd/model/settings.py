"""An owner's general settings: personal, and for what comes in from now on (P21, P22). Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from inboxd.model.addresses import domain_of, normalise
from inboxd.model.errors import BadInput
from inboxd.model.ids import AddressKey


class Visibility(StrEnum):
    """Who sees new mail in the CRM."""

    PRIVATE = "private"
    SHARED = "shared"


HIDE = "hide"
PURGE = "purge"
_DAYS = re.compile(r"([1-9]\d{0,3})d\Z")

MAX_TEXT = 20_000
"""Characters of a signature: a page of HTML fits."""

MAX_BLOCKED = 10_000
"""Blocked addresses and domains of one owner; each arriving message is compared with all."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one person chose for all of their accounts; the defaults until they choose."""

    track_opens: bool = False
    track_links: bool = False
    track_notify: bool = False
    """Whether a hit is announced to them."""
    visibility: Visibility = Visibility.PRIVATE
    """Of new mail; kept on each message as it was when that came in."""
    sender_name: str = ""
    signature: str = ""
    default_account: str = ""
    """The address of the account they send from unless they say else; empty: the first."""
    time_zone: str = "UTC"
    """An IANA name: where the calendar months of P3 are counted."""
    blocked: tuple[str, ...] = ()
    """Addresses, and domains with all below them, whose mail is skipped (P22)."""
    strict: bool = False
    """Skip a blocked sender's mail even when somebody unblocked is in the conversation."""
    mirror_delete: bool = False
    mirror_archive: bool = False
    """Deleting or archiving here does the same on the server (P23)."""
    deleted_on_server: str = HIDE
    """What becomes of mail deleted there (P16): `hide` for good, `30d` to hide it and purge it
    after so many days, or `purge` at once."""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.time_zone)

    @property
    def kept_when_deleted(self) -> timedelta | None:
        """How long mail that was deleted on the server is kept; None for ever."""
        days = _DAYS.match(self.deleted_on_server)
        if days is not None:
            return timedelta(days=int(days[1]))
        return timedelta() if self.deleted_on_server == PURGE else None


NAMES = tuple(one.name for one in fields(Settings))
"""Every setting, in the order in which people are shown them."""

_FLAGS = frozenset(one.name for one in fields(Settings) if one.type == "bool")


def changed(current: Settings, wishes: Mapping[str, Any]) -> Settings:
    """Apply wishes by name. Raises BadInput for an unknown name or an impossible value."""
    values = {name: _checked(name, value) for name, value in wishes.items()}
    return replace(current, **values)


def differing(settings: Settings) -> dict[str, Any]:
    """The settings that are not as they would be by default: what is worth storing."""
    default = Settings()
    return {
        name: list(value) if isinstance(value := getattr(settings, name), tuple) else value
        for name in NAMES
        if getattr(settings, name) != getattr(default, name)
    }


def _checked(name: str, value: Any) -> Any:  # noqa: ANN401 - each setting has its own type
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}."
        raise BadInput(f"There is no setting {name!r}: {hint}")
    if name in _FLAGS:
        return _flag(name, value)
    if name == "blocked":
        return _blocked(value)
    if not isinstance(value, str):
        raise BadInput(f"The setting {name} takes text.")
    if len(value) > MAX_TEXT:
        raise BadInput(f"The setting {name} takes {MAX_TEXT:,} characters at most.")
    return _WORDS[name](value) if name in _WORDS else value


def _flag(name: str, value: object) -> bool:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise BadInput(f"The setting {name} is a switch: send true or false.")


def _visibility(value: str) -> Visibility:
    try:
        return Visibility(value)
    except ValueError:
        raise BadInput("The visibility is private or shared.") from None


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(
            f"There is no time zone {value!r}: send an IANA name such as Europe/Berlin."
        ) from None
    return value


def _deleted_on_server(value: str) -> str:
    if value in (HIDE, PURGE) or _DAYS.match(value):
        return value
    raise BadInput("What is deleted on the server is: hide, purge, or a number of days like 30d.")


def _default_account(value: str) -> str:
    if value and normalise(value) is None:
        raise BadInput(f"{value!r} is no e-mail address: send that of one of the accounts.")
    return value


_WORDS = {
    "visibility": _visibility,
    "time_zone": _time_zone,
    "deleted_on_server": _deleted_on_server,
    "default_account": _default_account,
}


def _blocked(value: object) -> tuple[str, ...]:
    parts = re.split(r"[,\s]+", value) if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(one, str) for one in parts):
        raise BadInput("The setting blocked is a list of addresses and domains.")
    if len(parts) > MAX_BLOCKED:
        raise BadInput(f"At most {MAX_BLOCKED:,} addresses and domains can be blocked.")
    return tuple(dict.fromkeys(_one_blocked(one) for one in parts if one))


def _one_blocked(text: str) -> str:
    key = normalise(text)
    if key is not None:
        return key
    domain = normalise("x@" + text.removeprefix("*.").removeprefix("@"))
    if domain is None or "." not in domain:
        raise BadInput(
            f"{text!r} is neither an address nor a domain: send name@example.com or example.com."
        )
    return domain_of(domain)


# --- blocking ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Blocks:
    """Whose mail is skipped (P22), ready to be asked of each message."""

    entries: frozenset[str] = frozenset()
    strict: bool = False
    own: frozenset[AddressKey] = field(default=frozenset())
    """The owner's own addresses: they are in every conversation and excuse nobody."""

    def stop(self, senders: Iterable[AddressKey], everyone: Iterable[AddressKey]) -> bool:
        """Whether a message of `senders` among `everyone` is skipped.

        Every sender must be blocked. Unless strict, one participant who is neither blocked nor
        the owner lets it through.
        """
        if not self.entries:
            return False
        known = list(senders)
        if not known or not all(self._blocked(one) for one in known):
            return False
        return self.strict or all(one in self.own or self._blocked(one) for one in everyone)

    def _blocked(self, key: AddressKey) -> bool:
        if key in self.entries:
            return True
        domain = key.rpartition("@")[2]
        while domain:
            if domain in self.entries:
                return True
            domain = domain.partition(".")[2]
        return False


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings of this moment say about mail that comes in."""

    visibility: str = Visibility.PRIVATE
    blocks: Blocks = field(default_factory=Blocks)
