"""`inboxctl contact`: the people whose mail is looked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import click

from inboxd.cli import text
from inboxd.cli.account import password_from
from inboxd.cli.client import LONG_SECONDS, Json, at
from inboxd.cli.session import Session, pass_session


@click.group()
def contact() -> None:
    """Add, import, list and remove contacts."""


@contact.command()
@click.argument("name")
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@pass_session
def add(session: Session, name: str, addresses: tuple[str, ...]) -> None:
    """Add the person NAME with one or more addresses."""
    body = {"name": name, "addresses": list(addresses)}
    added = session.client.post(at("contacts"), body)
    if not session.show(added):
        session.screen.say(
            f"Contact {added['id']}: {added['name']}, {', '.join(added['addresses'])}"
        )


@contact.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--partial", is_flag=True, help="Take the good lines though others are unusable.")
@pass_session
def import_file(session: Session, file: BinaryIO, partial: bool) -> None:
    """Read contacts from FILE (CSV or vCard; - is standard input)."""
    report = session.client.upload(
        at("contacts", "import"),
        file.read(),
        {"filename": _name_of(file), "partial": partial},
    )
    if session.show(report):
        return
    session.screen.say(f"{report['added']:,} added, {report['known']:,} known already.")
    for problem in report["problems"]:
        session.screen.note(problem)


def _name_of(file: BinaryIO) -> str:
    name = getattr(file, "name", "<stdin>")
    return "standard input" if name == "<stdin>" else Path(name).name


@contact.command("list")
@pass_session
def list_contacts(session: Session) -> None:
    """List all contacts."""
    found = session.client.items(at("contacts"), {"limit": 1000})
    if session.screen.as_json:
        session.screen.json_lines(found)
        return
    session.screen.table(
        ["ID", "NAME", "ADDRESSES"],
        [[str(one["id"]), one["name"], ", ".join(one["addresses"])] for one in found],
        flexible=(1, 2),
        nothing="No contact yet. Next: inboxctl contact add NAME ADDRESS",
    )


@contact.command()
@click.argument("contact_id", metavar="ID", type=click.IntRange(min=1))
@pass_session
def remove(session: Session, contact_id: int) -> None:
    """Forget the contact ID; the stored mail stays."""
    session.client.delete(at("contacts", contact_id))
    if not session.show({"removed": contact_id}):
        session.screen.say(f"Removed contact {contact_id}; stored mail stays.")


@contact.group()
def source() -> None:
    """Pull contacts from a CRM, now and from time to time."""


@source.command("list")
@pass_session
def list_sources(session: Session) -> None:
    """List the sources, with how the last pull ended."""
    found = list(session.client.items(at("contacts", "sources")))
    if session.show_lines(found):
        return
    session.screen.table(
        ["NAME", "WHERE", "LAST PULL", "TROUBLE"],
        [
            [one["name"], one["url"], text.local_time(one["pulled_at"]), one["trouble"] or "-"]
            for one in found
        ],
        flexible=(1, 3),
        nothing="No source yet. Next: inboxctl contact source pipedrive --url URL",
    )


@source.command()
@click.option("--url", required=True, help="Such as https://example.pipedrive.com.")
@click.option("--token-stdin", is_flag=True, help="Read the API token from standard input.")
@pass_session
def pipedrive(session: Session, url: str, token_stdin: bool) -> None:
    """Pull the persons of a Pipedrive company; the token is tried, then kept sealed."""
    token = password_from(stdin=token_stdin, of="the Pipedrive API (your token)")
    report = session.client.put(
        at("contacts", "sources", "pipedrive"), {"url": url, "token": token}
    )
    _show_report(session, report)


@source.command()
@click.argument("name")
@pass_session
def pull(session: Session, name: str) -> None:
    """Pull from the source NAME now."""
    report = session.client.post(
        at("contacts", "sources", name, "pull"), patience_seconds=LONG_SECONDS
    )
    _show_report(session, report)


@source.command("remove")
@click.argument("name")
@pass_session
def remove_source(session: Session, name: str) -> None:
    """Pull from the source NAME no more; its contacts stay."""
    session.client.delete(at("contacts", "sources", name))
    if not session.show({"removed": name}):
        session.screen.say(f"Removed {name}; its contacts stay.")


def _show_report(session: Session, report: Mapping[str, Json]) -> None:
    if not session.show(report):
        session.screen.say(f"{report['added']:,} added, {report['known']:,} known already.")
