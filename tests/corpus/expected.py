"""The expectation files beside the corpus, one small reader each.

A reader gives one `Case` per field: what its source says is right and what `parse` reads, both in
the same form. The sources and how far each is to be trusted stand in the corpus's own README.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as made_of
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

from inboxd.mime import params
from inboxd.mime.parse import attachment_bytes, parse
from inboxd.model.messages import Address, ParsedMessage

Json = Any
"""What a JSON file holds; each reader knows its own file's shape."""


@dataclass(frozen=True, slots=True)
class Case:
    """One field of one message: what is said to be right, and what was read."""

    file: Path
    """Below the corpus: the message, or the file of vectors."""
    source: str
    field: str
    wanted: object
    got: object

    @property
    def key(self) -> tuple[str, str]:
        """How `known.KNOWN` names it."""
        return str(self.file), self.field

    @property
    def right(self) -> bool:
        """Whether both agree."""
        return self.wanted == self.got


NOT_COUNTED = {
    "zbateson": ("parts", "signed"),
    "imap_tools": ("date_str", "html", "text"),
    "stalwart-headers": (
        "received.json (181): Received is not read",
        "list.json (7): Keywords is not read",
        "address.json 37 to 47 (11): values of List-* fields (RFC 2369), which are not read",
    ),
    "stalwart": ("parts, other fields",),
}
"""What the files say about things that a `ParsedMessage` does not hold, or holds otherwise:
imap_tools puts the texts of all parts one behind the other, attached ones too."""

LIST_FIELDS = range(37, 48)
"""Vectors of address.json that are values of List-Archive, List-Post and the like."""


def cases(corpus: Path) -> Iterator[Case]:
    """Every field of every source."""
    for source, reader in READERS.items():
        for file, field, wanted, got in reader(corpus):
            yield Case(Path(file), source, field, wanted, got)


Found = Iterator[tuple[str, str, object, object]]
"""(file, field, wanted, got)"""


@cache
def _parsed(path: Path) -> ParsedMessage:
    return parse(path.read_bytes())


def _json(corpus: Path, name: str) -> Json:
    return json.loads((corpus / "expected" / name).read_text("utf-8"))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _zbateson(corpus: Path) -> Found:
    """Written by hand; texts are given by the digest of their words."""
    for file, wanted in _json(corpus, "zbateson.json")["messages"].items():
        found = _parsed(corpus / file)
        for field, people in (("From", found.from_), ("To", found.to)):
            if field in wanted:
                yield file, field, _told(wanted[field]), _first(people, wanted[field])
        yield file, "Subject", wanted["Subject"], found.subject
        if "Message-ID" in wanted:
            yield file, "Message-ID", wanted["Message-ID"], found.message_id
        if "Date" in wanted:
            (written,) = wanted["Date"]["args"]
            told = datetime.strptime(written, "%d %b %Y %H:%M:%S %z").astimezone(UTC)
            yield file, "Date", told, found.date
        if "text" in wanted:
            yield file, "text", wanted["text"]["collapsed_sha256"], _digest(found.text)
        if "html" in wanted:
            words = html.unescape(re.sub(r"<[^>]*>", "", found.html))
            yield file, "html", wanted["html"]["collapsed_sha256"], _digest(words)
        if "attachments" in wanted:
            yield file, "attachment count", wanted["attachments"], len(found.attachments)


def _told(person: dict[str, str]) -> list[str]:
    return [person[key] for key in ("name", "email") if key in person]


def _first(people: tuple[Address, ...], told: dict[str, str]) -> list[str]:
    if not people:
        return []
    read = {"name": people[0].name, "email": people[0].address}
    return [read[key] for key in ("name", "email") if key in told]


def _digest(text: str) -> str:
    return hashlib.sha256(_one_line(text).encode()).hexdigest()


def _imap_tools(corpus: Path) -> Found:
    """Reviewed output of another parser; 1900 stands for no date."""
    for file, wanted in _json(corpus, "imap_tools.json")["messages"].items():
        found = _parsed(corpus / file)
        yield file, "subject", _one_line(wanted["subject"]), _one_line(found.subject)
        yield file, "from_", wanted["from_"], found.from_[0].address if found.from_ else ""
        for field in ("to", "cc", "bcc", "reply_to"):
            people: tuple[Address, ...] = getattr(found, field)
            yield file, field, wanted[field], [one.address for one in people]
        told = datetime.fromisoformat(wanted["date"])
        # A date without a zone counts as UTC (RFC 5322 3.3, "-0000").
        aware = told if told.tzinfo else told.replace(tzinfo=UTC)
        yield file, "date", None if told.year == 1900 else aware.astimezone(UTC), found.date
        names = [one["filename"] for one in wanted["attachments"]]
        yield file, "attachments", names, [one.filename for one in found.attachments]


def _nodemailer(corpus: Path) -> Found:
    """Transcribed assertions: mostly what a text holds."""
    for file, wanted in _json(corpus, "nodemailer-mailparser.json")["messages"].items():
        found = _parsed(corpus / file)
        for name, told in wanted.items():
            if name.startswith("attachment_"):
                digest = name.removeprefix("attachment_")
                yield file, name, told, _contents(corpus / file, digest, told)
            elif name != "note":
                yield file, name, told, _asserted(found, name, told)


def _asserted(found: ParsedMessage, name: str, told: Json) -> object:
    match name:
        case "to":
            return [[one.name, one.address] for one in found.to]
        case "attachments":
            return len(found.attachments)
        case "has_text" | "has_html":
            return bool(getattr(found, name.removeprefix("has_")))
        case "html_length":
            return len(found.html)
        case "text_first_line":
            return found.text.partition("\n")[0]
        case "text_contains" | "html_contains":
            return [part for part in told if part in getattr(found, name.partition("_")[0])]
        case _:
            return getattr(found, name)


def _contents(path: Path, digest: str, wanted: Iterable[str]) -> dict[str, str]:
    raw = path.read_bytes()
    return {
        number: hashlib.new(digest, attachment_bytes(raw, int(number))[1]).hexdigest()
        for number in wanted
    }


def _vectors(corpus: Path) -> Found:
    """Single values of header fields, written by hand."""
    for name, read in _VECTORS.items():
        for number, vector in enumerate(_json(corpus, f"stalwart-headers/{name}.json")):
            for field, wanted, got in read(number, vector["header"], vector["expected"]):
                label = f"{number} {field}".strip()
                yield f"expected/stalwart-headers/{name}.json", label, wanted, got


Vector = Iterator[tuple[str, object, object]]


def _in(field: str, value: str) -> ParsedMessage:
    return parse(f"{field}: {value}\n\n".encode())


def _address(number: int, value: str, wanted: Json) -> Vector:
    if number in LIST_FIELDS:
        return
    told = _people(wanted)
    read = _in("To", value).to
    yield "addresses", [address for _, address in told], [one.address for one in read]
    yield "names", [name for name, _ in told], [one.name for one in read]


def _people(value: Json) -> list[tuple[str, str]]:
    """(name, address) of a list, or of all groups."""
    if "Group" in value:
        people = [one for group in value["Group"] for one in group["addresses"]]
    else:
        people = value["List"]
    return [(one["name"] or "", one["address"] or "") for one in people]


def _date(_number: int, value: str, wanted: Json) -> Vector:
    yield "", _moment(wanted), _in("Date", value).date


def _moment(told: Json) -> datetime | None:
    if told is None:
        return None
    names = ("year", "month", "day", "hour", "minute", "second")
    there = datetime(*(told[name] for name in names))
    away = timedelta(hours=told["tz_hour"], minutes=told["tz_minute"])
    return there.replace(tzinfo=timezone(-away if told["tz_before_gmt"] else away)).astimezone(UTC)


def _id(_number: int, value: str, wanted: Json) -> Vector:
    yield "", tuple(wanted or ()), _in("References", value).references


def _unstructured(_number: int, value: str, wanted: Json) -> Vector:
    yield "", wanted, _in("Subject", value).subject


def _content_type(_number: int, value: str, wanted: Json) -> Vector:
    """The language of a parameter (RFC 2231 5) is not kept; an empty one is as good as none."""
    read = params.read(value.encode())
    head, _, sub = read.head.partition("/")
    told = wanted or {"c_type": "", "c_subtype": None}
    yield (
        "type",
        (told["c_type"].lower(), (told["c_subtype"] or "").lower() if told["c_type"] else ""),
        (head, sub if head else ""),
    )
    if wanted:
        pairs = wanted.get("attributes") or ()
        # No stored text holds NUL: it is shown as the character for what cannot be shown.
        kept = {
            name: one.replace("\0", "\ufffd")
            for name, one in pairs
            if not name.endswith("-language")
        }
        yield "parameters", kept, {name: one for name, one in read.parameters.items() if one}


_VECTORS: dict[str, Callable[[int, str, Json], Vector]] = {
    "address": _address,
    "content_type": _content_type,
    "date": _date,
    "id": _id,
    "unstructured": _unstructured,
}


def _stalwart(corpus: Path) -> Found:
    """Output of another parser."""
    for path in sorted((corpus / "expected" / "stalwart").glob("*.json")):
        told = json.loads(path.read_text("utf-8"))
        file, parts = told["file"], told["parsed"]["parts"]
        found = _parsed(corpus / file)
        header = {
            one["name"]: one["value"]
            for one in reversed(parts[0]["headers"])
            if isinstance(one["name"], str)
        }
        subject = header.get("subject", {"Text": ""})
        yield file, "subject", subject["Text"], found.subject
        for field, people in (("from", found.from_), ("to", found.to)):
            wanted = _people(header[field]["Address"]) if field in header else []
            yield file, field, wanted, [(one.name, one.address) for one in people]
        names = [_name_of(parts[number]) for number in told["parsed"]["attachments"]]
        yield file, "attachments", names, [one.filename for one in found.attachments]


def _name_of(part: Json) -> str:
    names: dict[str, str] = {}
    for field in part["headers"]:
        value = field["value"]
        if isinstance(value, dict) and "ContentType" in value:
            for one in value["ContentType"]["attributes"] or ():
                names.setdefault(f"{field['name']} {one['name']}", one["value"])
    return names.get("content_disposition filename") or names.get("content_type name") or ""


READERS: dict[str, Callable[[Path], Found]] = {
    "zbateson": _zbateson,
    "imap_tools": _imap_tools,
    "nodemailer-mailparser": _nodemailer,
    "stalwart-headers": _vectors,
    "stalwart": _stalwart,
}


@dataclass(slots=True)
class Score:
    """How one source and inboxd agree."""

    files: set[Path] = made_of(default_factory=set)
    right: int = 0
    wrong: int = 0
    listed: int = 0
    """Of the wrong ones, those that `known.KNOWN` gives a reason for."""
    theirs: int = 0
    """Of the listed ones, those where the source does not say what the bytes say."""

    @property
    def fields(self) -> int:
        """All that were compared."""
        return self.right + self.wrong

    def share(self) -> float:
        """Right ones of the fields that the source has right itself."""
        return self.right / (self.fields - self.theirs)


def scores(found: Iterable[Case], known: Mapping[tuple[str, str], str]) -> dict[str, Score]:
    """The score of each source."""
    made: dict[str, Score] = {}
    for one in found:
        score = made.setdefault(one.source, Score())
        score.files.add(one.file)
        if one.right:
            score.right += 1
            continue
        score.wrong += 1
        score.listed += one.key in known
        score.theirs += known.get(one.key, "").startswith("Theirs: ")
    return made


def table(made: Mapping[str, Score]) -> list[str]:
    """The scores as lines to be shown."""
    names = ("messages", "fields", "right", "wrong", "listed", "theirs", "agreed", "share")
    lines = [f"{'source':<22}" + "".join(f"{name:>9}" for name in names)]
    for source, one in made.items():
        numbers = (len(one.files), one.fields, one.right, one.wrong, one.listed, one.theirs)
        row = "".join(f"{number:>9}" for number in numbers)
        lines.append(f"{source:<22}{row}{one.right / one.fields:>9.1%}{one.share():>9.1%}")
        lines += [f"    not counted: {what}" for what in NOT_COUNTED.get(source, ())]
    return lines
