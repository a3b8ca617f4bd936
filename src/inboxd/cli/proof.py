"""`inboxctl verify`, `why` and `quarantine`: what can be proven, and what was set aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

import click

from inboxd.cli import text
from inboxd.cli.client import LONG_SECONDS, Json, at
from inboxd.cli.session import Session, pass_session


@click.command()
@click.argument("ref", metavar="A")
@pass_session
def verify(session: Session, ref: str) -> None:
    """Compare what is stored of the account A with its server.

    Every gap is named. The exit code is 1 if there is one.
    """
    found = session.client.post(at("accounts", ref, "verify"), patience_seconds=LONG_SECONDS)
    if not session.show(found):
        session.screen.table(
            ["LABEL", "ON SERVER", "STORED", "SKIPPED", "QUARANTINED", "PENDING", "GAPS"],
            [
                [
                    one["folder"],
                    *(
                        f"{one[name]:,}"
                        for name in ("on_server", "stored", "skipped", "quarantined", "pending")
                    ),
                    str(len(one["gaps"]) or "-"),
                ]
                for one in found["folders"]
            ],
            flexible=(0,),
            nothing="No label is in scope.",
        )
        for one in found["folders"]:
            for gap in one["gaps"]:
                session.screen.note(f"{one['folder']}: {gap['sentence']}{_uids(gap)}")
        if found["good"]:
            session.screen.say("Every message in scope has its outcome.")
    if not found["good"]:
        click.get_current_context().exit(1)


def _uids(gap: Mapping[str, Json]) -> str:
    if not gap["uids"]:
        return ""
    shown = [str(a) if a == b else f"{a}-{b}" for a, b in gap["uids"][:10]]
    return f" UIDs {', '.join(shown)}{' …' if len(gap['uids']) > 10 else ''}."


@click.command()
@click.argument("ref", metavar="A")
@click.option("--message-id", metavar="M", help="As in the message's header.")
@click.option("--address", metavar="X", help="Of anybody in it.")
@click.option("--folder", metavar="F", help="Together with --uid.")
@click.option("--uid", metavar="U", type=click.IntRange(1, 2**32 - 1))
@pass_session
def why(
    session: Session,
    ref: str,
    *,
    message_id: str | None,
    address: str | None,
    folder: str | None,
    uid: int | None,
) -> None:
    """Say why a message of the account A is here, or is not."""
    by_uid = folder is not None or uid is not None
    if [message_id is not None, address is not None, by_uid].count(True) != 1:
        raise click.UsageError("Give --message-id M, --address X, or --folder F with --uid U.")
    if by_uid and (folder is None or uid is None):
        raise click.UsageError("--folder and --uid go together.")
    asked = {"message_id": message_id, "address": address, "folder": folder, "uid": uid}
    found = session.client.get(at("accounts", ref, "why"), asked, patience_seconds=LONG_SECONDS)[
        "items"
    ]
    if session.show_lines(found):
        return
    for one in found:
        session.screen.say(f"{one['state']}: {one['sentence']}")


@click.group()
def quarantine() -> None:
    """Look at messages that were set aside, and try them again."""


@quarantine.command("list")
@click.option("--account", "ref", metavar="A", help="Of this account only.")
@pass_session
def list_items(session: Session, ref: str | None) -> None:
    """List what is set aside."""
    found = list(session.client.items(at("quarantine"), {"account": ref}))
    if session.show_lines(found):
        return
    session.screen.table(
        ["ID", "LABEL", "UID", "WHY", "TRIED", "SINCE"],
        [
            [
                one["id"],
                one["folder"],
                str(one["uid"]),
                one["reason"],
                str(one["attempts"]),
                text.local_time(one["first_at"]),
            ]
            for one in found
        ],
        flexible=(1,),
        nothing="Nothing is set aside.",
    )


@quarantine.command()
@click.argument("item", metavar="ID")
@pass_session
def show(session: Session, item: str) -> None:
    """Show one of them: where it lies, and what went wrong."""
    found = session.client.get(at("quarantine", item))
    if session.show(found):
        return
    session.screen.fields(
        [
            ("Account", str(found["account"])),
            ("Label", found["folder"]),
            ("UID", f"{found['uid']} (UIDVALIDITY {found['uidvalidity']})"),
            ("Why", found["reason"]),
            ("Error", found["error"]),
            ("Tried", f"{found['attempts']} times, last {text.local_time(found['last_at'])}"),
            ("Bytes kept", "yes: quarantine export" if found["has_raw"] else "no"),
        ]
    )


@quarantine.command()
@click.argument("item", metavar="ID")
@pass_session
def retry(session: Session, item: str) -> None:
    """Fetch it once more and try to store it; the exit code is 1 if it stays."""
    found = session.client.post(at("quarantine", item, "retry"), patience_seconds=LONG_SECONDS)
    if not session.show(found):
        session.screen.say(found["sentence"])
    if found["quarantined"] is not None:
        click.get_current_context().exit(1)


@quarantine.command()
@click.argument("item", metavar="ID")
@click.option("-o", "--output", type=click.File("wb"), default="-", help="Instead of the screen.")
@pass_session
def export(session: Session, item: str, output: BinaryIO) -> None:
    """Write its bytes as the server gave them."""
    output.write(session.client.download(at("quarantine", item, "raw")))
