"""`inboxctl sync` and `inboxctl resync`: press Sync, and watch the history come in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import click

from inboxd.cli import render, text
from inboxd.cli.client import Client, Json, at
from inboxd.cli.session import Failed, Session, pass_session

POLL_SECONDS = 0.25
"""As often as a progress bar is worth redrawing."""

_WAITS_FOR_A_PERSON = frozenset({"needs_login", "failed", "paused", "removed"})


@click.command()
@click.argument("ref", metavar="A")
@click.option("--wait", is_flag=True, help="Until the history is in, with a progress bar.")
@pass_session
def sync(session: Session, ref: str, wait: bool) -> None:
    """Press Sync for the account A: its history comes in, then new mail as it arrives."""
    _started(session, session.client.post(at("accounts", ref, "sync")), wait)


@click.command()
@click.argument("ref", metavar="A")
@click.option("--since", metavar="START", required=True, help="1m, 3m, 6m or 1y.")
@click.option("--label", "names", metavar="L", multiple=True, help="Only this label, or Name/*.")
@click.option("--wait", is_flag=True, help="Until the history is in, with a progress bar.")
@pass_session
def resync(session: Session, ref: str, since: str, names: tuple[str, ...], wait: bool) -> None:
    """Go through the history of the account A once more, without duplicates."""
    body = {"since": since, "labels": list(names) or None}
    _started(session, session.client.post(at("accounts", ref, "resync"), body), wait)


def press_and_wait(session: Session, where: str) -> None:
    """Press Sync for the account at `where` and watch its history come in."""
    _started(session, session.client.post(f"{where}/sync"), True)


def _started(session: Session, found: Mapping[str, Json], wait: bool) -> None:
    if wait and not _settled(found):
        try:
            with session.screen.bar() as bar:
                found = wait_until_live(
                    session.client, found["id"], lambda now: _draw(bar, now), time.sleep
                )
        except KeyboardInterrupt:
            session.screen.note(
                "Not waiting any longer; inboxd goes on with the history. "
                f"See it with: inboxctl account show {found['address']}"
            )
            click.get_current_context().exit(1)
    if session.show(found):
        return
    session.screen.say(_outcome(found))


def wait_until_live(
    client: Client,
    account: int,
    shown: Callable[[Mapping[str, Json]], None],
    pause: Callable[[float], None],
) -> dict[str, Json]:
    """Poll an account until its history is in, telling `shown` each state.

    Raises Failed where only a person can help. A temporary failure is waited out (P20).
    """
    while True:
        found: dict[str, Json] = client.get(at("accounts", account))
        shown(found)
        if _settled(found):
            return found
        if found["phase"] in _WAITS_FOR_A_PERSON:
            reason = found["trouble"]["text"] if found["trouble"] else "somebody asked for it"
            raise Failed(
                f"{found['address']} is {found['phase']}: {reason} "
                f"See inboxctl account show {found['address']}"
            )
        pause(POLL_SECONDS)


def _settled(found: Mapping[str, Json]) -> bool:
    history = found["history"]
    return found["phase"] == "live" and (history is None or history["finished_at"] is not None)


def _draw(bar: render.Bar, found: Mapping[str, Json]) -> None:
    history = found["history"]
    if history is None:
        bar.show(found["phase"], 0, 0, "")
        return
    notes = [text.size(history["bytes_stored"])]
    if history["per_second"] is not None:
        notes.append(f"{history['per_second']:.0f}/s")
    if history["seconds_left"] is not None:
        notes.append(f"{text.duration(history['seconds_left'])} left")
    bar.show(
        history["folder"] or found["phase"], history["done"], history["total"], ", ".join(notes)
    )


def _outcome(found: Mapping[str, Json]) -> str:
    name, history = found["address"], found["history"]
    if not _settled(found):
        return f"{name} is {found['phase']}: inboxd works on it; see inboxctl status."
    if history is None:
        return f"{name} is live: every message from now on is stored."
    return (
        f"{name} is live: {history['stored']:,} of {history['total']:,} historical messages "
        f"stored ({text.size(history['bytes_stored'])}); new mail is stored as it arrives."
    )
