"""`inboxctl preview`: what Sync would bring, before it is pressed."""

from __future__ import annotations

from collections.abc import Mapping

import click

from inboxd.cli import text
from inboxd.cli.client import LONG_SECONDS, Json, at
from inboxd.cli.session import Session, pass_session


@click.command()
@click.argument("ref", metavar="A")
@click.option("--since", metavar="START", help="As if this start date were chosen.")
@click.option("--history", metavar="SCOPE", help="As if this scope were chosen.")
@click.option("--label", "names", metavar="L", multiple=True, help="As if only these were chosen.")
@pass_session
def preview(
    session: Session,
    ref: str,
    *,
    since: str | None,
    history: str | None,
    names: tuple[str, ...],
) -> None:
    """Count what Sync would bring to the account A; nothing is stored.

    All start dates and scopes are shown side by side; an arrow marks the chosen one.
    """
    wish = {"since": since, "history": history, "labels": list(names) or None}
    found = session.client.post(
        at("accounts", ref, "preview"),
        {name: value for name, value in wish.items() if value is not None},
        patience_seconds=LONG_SECONDS,
    )
    if not session.show(found):
        show_alternatives(session, found)


def show_alternatives(session: Session, found: Mapping[str, Json]) -> None:
    """The table of what each choice would bring."""
    session.screen.table(
        ["", "START", "HISTORY OF", "MESSAGES", "SIZE", "ABOUT"],
        [
            [
                "→" if one["chosen"] else "",
                one["since"],
                one["history"] or "-",
                f"{one['messages']:,}",
                text.size(one["bytes"]),
                text.duration(one["seconds"]),
            ]
            for one in found["alternatives"]
        ],
        nothing="",
    )
