"""`inboxctl labels` and `inboxctl conditions`: what is synced."""

from __future__ import annotations

from collections.abc import Mapping

import click

from inboxd.cli import render, text
from inboxd.cli.client import Json, at
from inboxd.cli.session import Session, pass_session


@click.command()
@click.argument("ref", metavar="A")
@pass_session
def labels(session: Session, ref: str) -> None:
    """List the labels of the account A, and which of them are synced."""
    found = list(session.client.items(at("accounts", ref, "labels")))
    if session.show_lines(found):
        return
    session.screen.table(
        ["LABEL", "USE", "SYNCED", "NEW MAIL", "ON SERVER", "STORED"],
        [
            [
                one["name"],
                one["special_use"] or "-",
                "yes" if one["chosen"] else "no" if one["selectable"] else "-",
                one["watch"] or "-",
                "-" if one["messages"] is None else f"{one['messages']:,}",
                f"{one['stored']:,}",
            ]
            for one in found
        ],
        flexible=(0,),
        nothing="The server lists no label.",
    )


@click.command()
@click.argument("ref", metavar="A")
@click.argument("action", type=click.Choice(["journal", "undo"]), required=False)
@click.option("--since", metavar="START", help="now, 1m, 3m, 6m or 1y.")
@click.option("--history", metavar="SCOPE", help="everyone or contacts.")
@click.option("--labels", "all_labels", type=click.Choice(["all"]), help="Every label.")
@click.option("--label", "names", metavar="L", multiple=True, help="One label, or Name/*.")
@click.option("--track-opens/--no-track-opens", default=None, help="Of mail sent from now on.")
@click.option("--track-links/--no-track-links", default=None, help="Of mail sent from now on.")
@pass_session
def conditions(
    session: Session,
    ref: str,
    action: str | None,
    *,
    since: str | None,
    history: str | None,
    all_labels: str | None,
    names: tuple[str, ...],
    track_opens: bool | None,
    track_links: bool | None,
) -> None:
    """Show or change what is synced of the account A.

    Without an option: show. A change takes effect at once and deletes nothing. `journal` lists
    the changes, `undo` takes back the latest.
    """
    if all_labels and names:
        raise click.UsageError("Give either --labels all or --label L.")
    patch = _given(
        since=since,
        history=history,
        labels=all_labels or list(names) or None,
        tracking=_given(opens=track_opens, links=track_links) or None,
    )
    where = at("accounts", ref, "conditions")
    if action is not None and patch:
        raise click.UsageError(f"{action} takes no option.")
    if action == "journal":
        _show_journal(session, list(session.client.items(f"{where}/journal")))
    elif action == "undo":
        _show_change(session, session.client.post(f"{where}/undo"))
    elif patch:
        _show_change(session, session.client.patch(where, patch))
    else:
        _show(session, session.client.get(where))


def _given(**parts: str | bool | list[str] | Mapping[str, Json] | None) -> dict[str, Json]:
    """The parts that were given; what is left out of a change stays as it is."""
    return {name: part for name, part in parts.items() if part is not None}


def _show(session: Session, found: Mapping[str, Json]) -> None:
    if session.show(found):
        return
    tracking = found["tracking"]
    session.screen.fields(
        [
            ("Start date", found["since"] or "not chosen yet"),
            ("History of", found["history"] or "-"),
            ("Labels", render.chosen_labels(found)),
            ("Track opens", "yes" if tracking["opens"] else "no"),
            ("Track links", "yes" if tracking["links"] else "no"),
        ]
    )


def _show_change(session: Session, found: Mapping[str, Json]) -> None:
    if session.show(found):
        return
    for sentence in found["changes"] or ["Nothing changes: it is so already."]:
        session.screen.say(sentence)


def _show_journal(session: Session, found: list[Json]) -> None:
    if session.show_lines(found):
        return
    session.screen.table(
        ["WHEN", "WHO", "WHAT"],
        [[text.local_time(one["at"]), one["caller"], " ".join(one["sentences"])] for one in found],
        nothing="Nothing was changed yet.",
    )
