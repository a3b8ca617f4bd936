"""`inboxctl watch`: every change as it happens."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

from inboxd.cli import text
from inboxd.cli.client import Json, Unreachable, at
from inboxd.cli.session import Session, pass_session


@click.command()
@click.option(
    "--after",
    metavar="N",
    type=click.IntRange(min=0),
    help="Begin after event N; else with what happens from now on.",
)
@click.option("--historical", is_flag=True, help="Also the messages of histories.")
@pass_session
def watch(session: Session, after: int | None, historical: bool) -> None:
    """Show every change as it happens, until Ctrl-C."""
    last = after
    try:
        if last is None:
            last = int(session.client.get(at("status"))["last_event"])
        for event in session.client.events(last, historical=historical):
            last = event["seq"]
            if not session.show(event):
                session.screen.say(_line(event))
    except KeyboardInterrupt:
        session.screen.note(_again("Not watching any longer; inboxd goes on.", last))
        return
    raise Unreachable(_again("inboxd ended the stream: it is stopping.", last))


def _again(sentence: str, last: int | None) -> str:
    if last is None:
        return sentence
    return f"{sentence} To go on without a gap: inboxctl watch --after {last}"


def _line(event: Mapping[str, Json]) -> str:
    account = "" if event["account"] is None else f" account {event['account']}"
    data = json.dumps(event["data"], ensure_ascii=False)
    return f"{text.local_time(event['time'])} {event['seq']} {event['type']}{account} {data}"
