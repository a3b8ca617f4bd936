"""What Dovecot and notmuch make of the same messages, and how we differ, class by class.

Theirs are opinions and no truth: each class of difference was looked at and decided.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inboxd.mime.parse import parse
from inboxd.model.messages import Address, ParsedMessage

UNREAD = datetime(1970, 1, 1, tzinfo=UTC)
ENVELOPE_FIELDS = 10
"""RFC 3501 7.4.2."""
_PLACEHOLDERS = ("@missing_domain", "@syntax_error")
"""What Dovecot makes of a mailbox without an address."""


@dataclass(frozen=True)
class Difference:
    """One field of one message that is read otherwise."""

    oracle: str
    file: str
    field: str
    theirs: Any
    ours: Any

    @property
    def key(self) -> tuple[str, str]:
        """As in `SINGLE`."""
        return self.file, f"{self.oracle} {self.field}"


def compared(corpus: Path) -> Iterator[tuple[str, Difference | None]]:
    """Every comparison by its oracle and field; a Difference where the two are not alike."""
    dovecot = _json(corpus, "_oracle_dovecot.json")["messages"]
    sources = _json(corpus, "_oracle_notmuch.json")["sources"].values()
    notmuch = {file: told for source in sources for file, told in source["messages"].items()}
    for file in sorted(dovecot.keys() | notmuch.keys()):
        found = parse((corpus / file).read_bytes())
        for oracle, fields in (
            ("dovecot", _dovecot(dovecot.get(file), found)),
            ("notmuch", _notmuch(notmuch.get(file), found)),
        ):
            for field, theirs, ours in fields:
                alike = theirs == ours
                told = None if alike else Difference(oracle, file, field, theirs, ours)
                yield f"{oracle} {field}", told


def _json(corpus: Path, name: str) -> Any:
    return json.loads((corpus / "expected" / name).read_text("utf-8", "surrogateescape"))


Fields = Iterator[tuple[str, Any, Any]]


def _dovecot(told: Any, found: ParsedMessage) -> Fields:
    if told is None:
        return
    if "date_sent" in told:
        moment = datetime.strptime(told["date_sent"][:19] + "+0000", "%Y-%m-%d %H:%M:%S%z")
        yield "date", moment, found.date or UNREAD
    envelope = told.get("envelope")
    if envelope is None:
        return
    if len(envelope) != ENVELOPE_FIELDS:
        yield "envelope", len(envelope), ENVELOPE_FIELDS
        return
    for place, field in ((2, "from_"), (5, "to"), (6, "cc"), (7, "bcc")):
        yield field, _mailboxes(envelope[place]), _addresses(getattr(found, field))
    yield "message_id", _bare(envelope[9]), found.message_id


def _mailboxes(told: Any) -> list[str]:
    people = told if isinstance(told, list) else []
    whole = [one for one in people if isinstance(one, list) and len(one) == 4]
    return [f"{one[2] or ''}@{one[3]}".lower() for one in whole if one[3] is not None]


def _addresses(people: tuple[Address, ...]) -> list[str]:
    return [one.address.lower() for one in people if one.address]


def _bare(told: Any) -> str:
    text = told.strip() if isinstance(told, str) else ""
    return text[1:-1] if text.startswith("<") and text.endswith(">") else text


def _notmuch(told: Any, found: ParsedMessage) -> Fields:
    if told is None:
        return
    yield "subject", told.get("subject", ""), found.subject
    yield "date", datetime.fromtimestamp(told["timestamp"], UTC), found.date or UNREAD


# --- classes of differences ----------------------------------------------------------------------


def _is_placeholder(one: Difference) -> bool:
    if one.field not in ("from_", "to", "cc", "bcc"):
        return False
    return bool([told for told in one.theirs if not told.endswith(_PLACEHOLDERS)] == one.ours)


def _is_unread_date(one: Difference) -> bool:
    return one.field == "date" and one.theirs == UNREAD


def _is_early_date(one: Difference) -> bool:
    return one.field == "date" and one.oracle == "dovecot" and one.ours < UNREAD


def _is_late_date(one: Difference) -> bool:
    return one.field == "date" and one.ours.year > 2105


def _is_blank(one: Difference) -> bool:
    return one.field == "subject" and " ".join(one.theirs.split()) == one.ours


def _is_undecoded(one: Difference) -> bool:
    if one.field != "subject":
        return False
    return any("\x80" <= mark <= "\xff" or mark == "\ufffd" for mark in one.theirs) and all(
        mark != "\ufffd" for mark in one.ours
    )


def _is_repeated_field(one: Difference) -> bool:
    if one.field not in ("from_", "to", "cc", "bcc"):
        return False
    return 0 < len(one.theirs) < len(one.ours) and one.ours[: len(one.theirs)] == one.theirs


def _is_dropped_field(one: Difference) -> bool:
    return one.field in ("from_", "to", "cc", "bcc") and not one.theirs and bool(one.ours)


def _is_cut_short(one: Difference) -> bool:
    return (
        one.field == "subject"
        and len(one.ours) - len(one.theirs) > 0
        and bool(one.theirs and one.ours.startswith(one.theirs))
    )


CLASSES: dict[str, Callable[[Difference], bool]] = {
    "Theirs: a placeholder stands for a mailbox without an address": _is_placeholder,
    "Theirs: 1970 stands for a date that they cannot read": _is_unread_date,
    "Theirs: before 1970 is after 2100": _is_early_date,
    "Theirs: 32 bits end in 2106": _is_late_date,
    "Ours: a fold, and blanks beside one, are one blank": _is_blank,
    "Theirs: raw 8-bit text is not decoded": _is_undecoded,
    "Ours: a field that stands there twice counts twice": _is_repeated_field,
    "Theirs: an address field with raw 8-bit text is dropped": _is_dropped_field,
    "Theirs: a character cut in two between encoded words ends the text": _is_cut_short,
    "Theirs: an envelope with raw 8-bit text lacks fields": lambda one: one.field == "envelope",
}
"""What we decided, and how such a difference is told."""


def class_of(one: Difference) -> str | None:
    """The first class that a difference belongs to."""
    return next((name for name, is_such in CLASSES.items() if is_such(one)), None)
