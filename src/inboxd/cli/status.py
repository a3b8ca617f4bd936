"""`inboxctl status`: the daemon and its accounts at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import click

from inboxd.cli import text
from inboxd.cli.client import Json, at
from inboxd.cli.session import Session, pass_session


@click.command()
@pass_session
def status(session: Session) -> None:
    """Show the daemon and how each account stands."""
    found = session.client.get(at("status"))
    if session.show(found):
        return
    screen = session.screen
    screen.say(
        f"inboxd {found['version']}, up since {text.local_time(found['started_at'])}, "
        f"{len(found['accounts'])} account(s), last event {found['last_event']}"
    )
    screen.table(
        ["ID", "ADDRESS", "PHASE", "HISTORY", "NEW MAIL", "TROUBLE"],
        [
            [
                str(one["id"]),
                one["address"],
                one["phase"],
                history_of(one),
                watch_of(one),
                trouble_of(one),
            ]
            for one in found["accounts"]
        ],
        flexible=(1, 5),
        nothing="No account yet. Next: inboxctl account add ADDRESS",
    )


def history_of(account: Mapping[str, Json]) -> str:
    """How far the history has come, in one cell."""
    history = account["history"]
    if history is None:
        return "-"
    if history["finished_at"] is not None:
        return f"done, {history['stored']:,} stored"
    left = history["seconds_left"]
    about = "" if left is None else f", {text.duration(left)} left"
    return f"{history['done']:,} of {history['total']:,}{about}"


def watch_of(account: Mapping[str, Json]) -> str:
    """How new mail is noticed, in one cell (P11): `idle 1, poll 4`."""
    ways = Counter(folder["watch"] for folder in account["folders"] if folder["watch"])
    return ", ".join(f"{way} {count}" for way, count in sorted(ways.items())) or "-"


def trouble_of(account: Mapping[str, Json]) -> str:
    """Why it does not run as it should, in one cell."""
    trouble = account["trouble"]
    if trouble is None:
        return "-"
    again = trouble["next_try_at"]
    when = "" if again is None else f" (next try {text.local_time(again)})"
    return f"{trouble['text']}{when}"
