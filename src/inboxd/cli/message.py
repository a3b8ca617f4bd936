"""`inboxctl messages`, `message`, `attachment` and `thread`: read the stored mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path

import click

from inboxd.cli import render, text
from inboxd.cli.client import Json, Params, at
from inboxd.cli.session import Failed, Session, pass_session

PAGE = 200
"""Messages per request; the daemon allows 500."""

MESSAGE_ID = click.IntRange(min=1)
DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.command()
@click.option("--account", metavar="A", help="Of this account only.")
@click.option("--label", metavar="L", help="Under this label only.")
@click.option("--contact", metavar="ADDRESS", help="With this address in it.")
@click.option("--query", metavar="TEXT", help="With all these words in it.")
@click.option("--since", metavar="D", type=DAY, help="From this day on, such as 2026-01-31.")
@click.option("--until", metavar="D", type=DAY, help="Before this day.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), default=50, show_default=True)
@pass_session
def messages(
    session: Session,
    *,
    account: str | None,
    label: str | None,
    contact: str | None,
    query: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> None:
    """List stored messages, newest first."""
    params: Params = {
        "account": account,
        "label": label,
        "contact": contact,
        "query": query,
        "since": _with_zone(since),
        "until": _with_zone(until),
        "limit": min(limit, PAGE),
    }
    found = islice(session.client.items(at("messages"), params), limit)
    if session.screen.as_json:
        session.screen.json_lines(found)
        return
    _table(session, found, "No message is stored that fits.")


def _with_zone(moment: datetime | None) -> str | None:
    """A day or time as typed, in the reader's zone."""
    return None if moment is None else moment.astimezone().isoformat()


def _table(session: Session, found: Iterable[Mapping[str, Json]], nothing: str) -> None:
    session.screen.table(
        ["ID", "RECEIVED", "FROM", "SUBJECT", "LABELS"],
        [
            [
                str(one["id"]),
                text.local_time(one["internal_date"]),
                ", ".join(sender["name"] or sender["address"] for sender in one["from"]),
                one["subject"],
                render.listed(one["labels"]),
            ]
            for one in found
        ],
        flexible=(2, 3, 4),
        nothing=nothing,
    )


@click.group()
def message() -> None:
    """Read, archive or delete one stored message."""


@message.command()
@click.argument("message_id", metavar="ID", type=MESSAGE_ID)
@pass_session
def show(session: Session, message_id: int) -> None:
    """Show the message ID with its text and its attachments."""
    found = session.client.get(at("messages", message_id))
    if session.show(found):
        return
    session.screen.fields(
        [
            ("Subject", found["subject"]),
            ("From", _people(found["from"])),
            ("To", _people(found["to"])),
            ("Cc", _people(found["cc"])),
            ("Date", text.local_time(found["date"])),
            ("Received", text.local_time(found["internal_date"])),
            ("Labels", render.listed(found["labels"])),
            ("Thread", str(found["thread_id"])),
            ("Here by", _here_by(found)),
            ("Size", text.size(found["size"])),
            *([("Kind", render.listed(found["marks"]))] if found["marks"] else []),
        ]
    )
    for part in found["attachments"]:
        session.screen.say(
            f"Attachment {part['index']}: {part['filename'] or '(no name)'}, "
            f"{part['content_type']}, {text.size(part['size'])}"
        )
    session.screen.lines("\n" + found["text"])


def _here_by(found: Mapping[str, Json]) -> str:
    way = "the history" if found["historical"] else "push: it came after Sync"
    state = [word for word in ("archived", "deleted") if found[word]]
    return ", ".join([way, found["visibility"], *state])


def _people(addresses: list[dict[str, str]]) -> str:
    return render.listed([text.mailbox(one) for one in addresses])


@message.command()
@click.argument("message_id", metavar="ID", type=MESSAGE_ID)
@pass_session
def raw(session: Session, message_id: int) -> None:
    """Give the message ID byte for byte as the server gave it."""
    session.screen.raw(session.client.download(at("messages", message_id, "raw")))


@message.command()
@click.argument("message_id", metavar="ID", type=MESSAGE_ID)
@pass_session
def archive(session: Session, message_id: int) -> None:
    """Archive the message ID; on the server too where its owner set mirror_archive."""
    found = session.client.post(at("messages", message_id, "archive"))
    if not session.show(found):
        session.screen.say(f"Archived message {message_id}.")


@message.command()
@click.argument("message_id", metavar="ID", type=MESSAGE_ID)
@pass_session
def delete(session: Session, message_id: int) -> None:
    """Delete the message ID here; on the server too where its owner set mirror_delete."""
    session.client.delete(at("messages", message_id))
    if not session.show({"deleted": message_id}):
        session.screen.say(f"Deleted message {message_id} here.")


@click.command()
@click.argument("message_id", metavar="ID", type=MESSAGE_ID)
@click.argument("index", metavar="N", type=click.IntRange(min=0))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@pass_session
def attachment(session: Session, message_id: int, index: int, output: Path | None) -> None:
    """Give the attachment N of the message ID, to FILE or to standard output."""
    if output is None and session.screen.is_terminal:
        raise click.UsageError("An attachment is not for a terminal: give -o FILE.")
    data = session.client.download(at("messages", message_id, "attachments", index))
    if output is None:
        session.screen.raw(data)
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise Failed(
            f"{output} cannot be written ({error.strerror}): choose another -o."
        ) from None
    if not session.show({"file": str(output), "size": len(data)}):
        session.screen.say(f"{text.size(len(data))} written to {output}.")


@click.command()
@click.argument("thread_id", metavar="ID", type=MESSAGE_ID)
@pass_session
def thread(session: Session, thread_id: int) -> None:
    """List the messages of the conversation ID, oldest first."""
    found = list(session.client.items(at("threads", thread_id)))
    if not session.show_lines(found):
        _table(session, found, "The conversation is empty.")
