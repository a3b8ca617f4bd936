"""`inboxctl setup`: a person's way from an address to synced mail, one question after the other.

It asks what only a person knows, in the order in which it matters: the login, tracking, labels,
the start date, the scope where there is one, and after a preview whether to press Sync. Whatever
can be found out (servers, labels, how much mail there is) is not asked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

import click

from inboxd.cli import text
from inboxd.cli.account import password_from
from inboxd.cli.client import LONG_SECONDS, Json, Problem, at
from inboxd.cli.preview import show_alternatives
from inboxd.cli.session import Failed, Session, pass_session
from inboxd.cli.sync import press_and_wait

STARTS = (
    ("now", "no history: only mail that comes from now on"),
    ("1m", "one month back"),
    ("3m", "three months back"),
    ("6m", "six months back"),
    ("1y", "one year back"),
)

SCOPES = (
    ("contacts", "only mail with people who are contacts now"),
    ("everyone", "all mail"),
)


@click.command()
@click.argument("address", required=False)
@pass_session
def setup(session: Session, address: str | None) -> None:
    """Add a mailbox step by step: login, tracking, labels, start date, preview, Sync.

    Nothing is fetched before the last question is answered with yes. Ctrl-C leaves at any
    moment; what was answered stays, and setup goes on from there.
    """
    if not sys.stdin.isatty():
        raise Failed(
            "setup asks questions and needs a terminal. In scripts use: account add, conditions, "
            "preview, sync."
        )
    try:
        _Walk(session).through(address)
    except click.Abort:
        session.screen.note("\nStopped. What was answered is kept: inboxctl setup goes on.")
        click.get_current_context().exit(1)


class _Walk:
    """One person's way through it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._client = session.client
        self._say = session.screen.say

    def through(self, address: str | None) -> None:
        """All questions in their order."""
        account = self._login(address)
        where = at("accounts", account["id"])
        if account["synced_at"] is not None:
            self._say(f"{account['address']} is synced already: see inboxctl account show.")
            return
        self._tracking(where)
        self._labels(where)
        self._start(where)
        self._sync(where)

    def _login(self, address: str | None) -> dict[str, Json]:
        address = address or click.prompt("E-mail address")
        for known in self._client.items(at("accounts")):
            if known["address"].lower() == str(address).lower():
                self._say(f"{known['address']} is connected already.")
                return dict(known)
        self._say(
            "The servers are found from the address; both logins are tried before anything "
            "is stored."
        )
        body: dict[str, Json] = {"address": address}
        while True:
            body["password"] = password_from(stdin=False, of=str(address))
            try:
                added: dict[str, Json] = self._client.post(at("accounts"), body)
            except Problem as problem:
                self._session.screen.error(problem.detail, problem.problems)
                self._mend(problem, body)
            else:
                self._say(f"Connected to {_server(added['imap'])}.")
                return added

    def _mend(self, problem: Problem, body: dict[str, Json]) -> None:
        """Ask for what a failed login shows to be missing; a rule (409) cannot be mended here."""
        if problem.status == 409:
            raise problem
        if not click.confirm("Try again?", default=True):
            raise click.Abort
        if click.confirm("Give the servers by hand?", default=False):
            body["imap"] = _asked_server("IMAP", 993)
            if click.confirm("Send mail from this account too?", default=True):
                body["smtp"] = _asked_server("SMTP", 465)
                body.pop("no_smtp", None)
            else:
                body.pop("smtp", None)
                body["no_smtp"] = True
        username = click.prompt("Username", default=body.get("username") or body["address"])
        body["username"] = username

    def _tracking(self, where: str) -> None:
        self._say("\nTracking tells when mail you send is opened, or a link in it is followed.")
        opens = click.confirm("Track opens?", default=False)
        links = click.confirm("Track links?", default=False)
        self._client.patch(f"{where}/conditions", {"tracking": {"opens": opens, "links": links}})

    def _labels(self, where: str) -> None:
        found = [one for one in self._client.items(f"{where}/labels") if one["selectable"]]
        self._say("\nLabels on the server; mail is synced from those you choose:")
        for number, one in enumerate(found, start=1):
            count = "" if one["messages"] is None else f"  {one['messages']:,}"
            self._say(f"  {number:>3}  {text.clean(one['name'])}{count}")
        self._say("All leaves out Drafts, Junk and Trash, and takes labels made later.")

        def choose(answer: str) -> None:
            wanted = _chosen(answer, [one["name"] for one in found])
            self._client.patch(f"{where}/conditions", {"labels": wanted})

        self._until_taken("Labels: all, or numbers or names separated by commas", "all", choose)

    def _start(self, where: str) -> None:
        self._say("\nThe start date says how far back history comes in; new mail always does.")
        since = self._one_of("Start date", STARTS, "3m")
        patch: dict[str, Json] = {"since": since}
        if since != "now":
            self._say("\nThe scope says whose historical mail comes in.")
            patch["history"] = self._one_of("History of", SCOPES, "contacts")
        self._client.patch(f"{where}/conditions", patch)

    def _sync(self, where: str) -> None:
        self._say("\nLooking at what that brings (nothing is stored) ...")
        found = self._client.post(f"{where}/preview", patience_seconds=LONG_SECONDS)
        show_alternatives(self._session, found)
        if not click.confirm("\nPress Sync now?", default=True):
            self._say("Nothing was fetched. Later: inboxctl sync, or inboxctl setup once more.")
            return
        press_and_wait(self._session, where)

    def _one_of(self, question: str, choices: Sequence[tuple[str, str]], default: str) -> str:
        for name, meaning in choices:
            self._say(f"  {name:<9} {meaning}")
        names = click.Choice([name for name, _ in choices])
        answer: str = click.prompt(question, type=names, default=default, show_choices=False)
        return answer

    def _until_taken(self, question: str, default: str, take: Callable[[str], None]) -> None:
        """Ask until the daemon takes the answer; its refusals say what to answer instead."""
        while True:
            try:
                take(click.prompt(question, default=default))
            except Problem as problem:
                if problem.status != 409:
                    raise
                self._session.screen.error(problem.detail, problem.problems)
            else:
                return


def _chosen(answer: str, names: Sequence[str]) -> str | list[str]:
    if answer.strip().lower() == "all":
        return "all"
    chosen = []
    for part in filter(None, (one.strip() for one in answer.split(","))):
        numbered = part.isascii() and part.isdecimal() and 1 <= int(part) <= len(names)
        chosen.append(names[int(part) - 1] if numbered else part)
    return chosen


def _asked_server(side: str, port: int) -> dict[str, Json]:
    host = click.prompt(f"{side} server")
    number = click.prompt(f"{side} port", type=click.IntRange(1, 65535), default=port)
    usual = "starttls" if number in (25, 143, 587) else "tls"
    kinds = click.Choice(["tls", "starttls", "none"])
    return {
        "host": host,
        "port": number,
        "security": click.prompt(f"{side} security", type=kinds, default=usual),
    }


def _server(endpoint: Mapping[str, Json]) -> str:
    return f"{endpoint['host']}:{endpoint['port']} ({endpoint['security']})"
