"""`inboxctl account`: add mailboxes, look at them, stop and remove them."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

import click

from inboxd.cli import render, text
from inboxd.cli.client import Json, at
from inboxd.cli.session import Session, pass_session
from inboxd.cli.status import history_of, trouble_of, watch_of

SECURITY = click.Choice(["tls", "starttls", "none"])

_STARTTLS_PORTS = frozenset({25, 143, 587})
"""Where TLS begins only after the greeting (RFC 3501, RFC 6409, RFC 8314 3)."""

_HOST_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]\s]+)):([0-9]{1,5})\Z")


def _host_port(
    _ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[str, int] | None:
    """HOST:PORT, an IPv6 address in brackets."""
    if value is None:
        return None
    match = _HOST_PORT.match(value)
    if match is None or not 1 <= int(match[3]) <= 65535:
        raise click.BadParameter(
            f"{value!r} is not HOST:PORT, such as imap.example.org:993.", param=param
        )
    return match[1] or match[2], int(match[3])


@click.group()
def account() -> None:
    """Add mailboxes, look at them, stop and remove them."""


@account.command()
@click.argument("address")
@click.option("--owner", help="Whose mail it is; the address where none is given.")
@click.option("--username", help="Of the login, where it is not the address.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--password-cmd",
    metavar="CMD",
    help="A command that prints the password; the daemon runs it when it needs it.",
)
@click.option(
    "--imap",
    metavar="HOST:PORT",
    callback=_host_port,
    help="The IMAP server, where it is not discovered.",
)
@click.option("--imap-security", type=SECURITY, help="TLS from the start, STARTTLS, or nothing.")
@click.option(
    "--smtp",
    metavar="HOST:PORT",
    callback=_host_port,
    help="The SMTP server, where it is not discovered.",
)
@click.option("--smtp-security", type=SECURITY, help="TLS from the start, STARTTLS, or nothing.")
@click.option("--no-smtp", is_flag=True, help="Receive only: try no SMTP login.")
@pass_session
def add(
    session: Session,
    address: str,
    *,
    owner: str | None,
    username: str | None,
    password_stdin: bool,
    password_cmd: str | None,
    imap: tuple[str, int] | None,
    imap_security: str | None,
    smtp: tuple[str, int] | None,
    smtp_security: str | None,
    no_smtp: bool,
) -> None:
    """Add the mailbox ADDRESS: both logins are tried for real before anything is stored.

    Without --password-stdin or --password-cmd the password is asked for.
    """
    if no_smtp and smtp is not None:
        raise click.UsageError("Give either --smtp or --no-smtp.")
    body: dict[str, Json] = {
        "address": address,
        "owner": owner,
        "username": username,
        "imap": _endpoint("imap", imap, imap_security),
        "smtp": _endpoint("smtp", smtp, smtp_security),
        "no_smtp": no_smtp,
    }
    if password_cmd is None:
        body["password"] = password_from(stdin=password_stdin, of=address)
    elif password_stdin:
        raise click.UsageError("Give either --password-stdin or --password-cmd.")
    else:
        body["password_command"] = password_cmd
    added = session.client.post(at("accounts"), body)
    if session.show(added):
        return
    session.screen.say(f"Added {added['address']} as account {added['id']}.")
    _say_next(session, added)


def _endpoint(
    side: str, where: tuple[str, int] | None, security: str | None
) -> dict[str, Json] | None:
    if where is None:
        if security is not None:
            raise click.UsageError(f"--{side}-security needs --{side} HOST:PORT.")
        return None
    host, port = where
    usual = "starttls" if port in _STARTTLS_PORTS else "tls"
    return {"host": host, "port": port, "security": security or usual}


def password_from(*, stdin: bool, of: str) -> str:
    """A password from standard input or typed unseen; never an option, which `ps` would show."""
    if stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise click.UsageError("Standard input holds no password.")
        return password
    if not sys.stdin.isatty():
        raise click.UsageError(
            "There is no terminal to ask for the password: give --password-stdin."
        )
    typed: str = click.prompt(f"Password of {text.clean(of)}", hide_input=True, err=True)
    return typed


@account.command("list")
@pass_session
def list_accounts(session: Session) -> None:
    """List all accounts."""
    found = list(session.client.items(at("accounts")))
    if session.show_lines(found):
        return
    session.screen.table(
        ["ID", "ADDRESS", "OWNER", "PHASE", "SINCE", "LABELS"],
        [
            [
                str(one["id"]),
                one["address"],
                one["owner"],
                one["phase"],
                one["conditions"]["since"] or "-",
                render.chosen_labels(one["conditions"]),
            ]
            for one in found
        ],
        flexible=(1, 2, 5),
        nothing="No account yet. Next: inboxctl account add ADDRESS",
    )


@account.command()
@click.argument("ref", metavar="A")
@pass_session
def show(session: Session, ref: str) -> None:
    """Show the account A, whole."""
    found = session.client.get(at("accounts", ref))
    if session.show(found):
        return
    _show(session, found)


def _show(session: Session, found: Mapping[str, Json]) -> None:
    conditions = found["conditions"]
    session.screen.fields(
        [
            ("Account", f"{found['address']} (id {found['id']}, owner {found['owner']})"),
            ("Phase", found["phase"]),
            ("Trouble", trouble_of(found)),
            ("IMAP", _where(found["imap"])),
            ("SMTP", _where(found["smtp"])),
            ("User name", found["username"]),
            ("Added", text.local_time(found["created_at"])),
            ("Sync pressed", text.local_time(found["synced_at"])),
            ("Start date", conditions["since"] or "-"),
            ("History of", conditions["history"] or "-"),
            ("Labels", render.chosen_labels(conditions)),
            ("History", history_of(found)),
            ("New mail", watch_of(found)),
            ("Server says", found["server_word"] or "-"),
        ]
    )
    _say_next(session, found)


def _where(endpoint: Mapping[str, Json] | None) -> str:
    if endpoint is None:
        return "-"
    return f"{endpoint['host']}:{endpoint['port']} ({endpoint['security']})"


def _say_next(session: Session, found: Mapping[str, Json]) -> None:
    name = found["address"]
    steps = {
        "new": f"inboxctl conditions {name} --since 3m --history everyone "
        f"(or --since now), then inboxctl sync {name}",
        "ready": f"inboxctl sync {name} --wait",
        "paused": f"inboxctl account resume {name}",
        "needs_login": f"inboxctl account set-password {name}",
    }
    if found["phase"] in steps:
        session.screen.say(f"Next: {steps[found['phase']]}")


@account.command()
@click.argument("ref", metavar="A")
@click.option("--purge", is_flag=True, help="Forget its mail too; else it is kept.")
@pass_session
def remove(session: Session, ref: str, purge: bool) -> None:
    """Remove the account A; its mail is kept unless --purge is given."""
    session.client.delete(at("accounts", ref), {"purge": purge})
    if session.show({"removed": ref, "purged": purge}):
        return
    kept = "its mail is purged" if purge else "its mail is kept"
    session.screen.say(f"Removed {ref}: sync has stopped, {kept}.")


@account.command()
@click.argument("ref", metavar="A")
@pass_session
def pause(session: Session, ref: str) -> None:
    """Stop syncing the account A until `resume`."""
    found = session.client.post(at("accounts", ref, "pause"))
    if not session.show(found):
        session.screen.say(f"{found['address']} is {found['phase']}.")


@account.command()
@click.argument("ref", metavar="A")
@pass_session
def resume(session: Session, ref: str) -> None:
    """Go on syncing the account A."""
    found = session.client.post(at("accounts", ref, "resume"))
    if not session.show(found):
        session.screen.say(f"{found['address']} is {found['phase']}.")


@account.command("set-password")
@click.argument("ref", metavar="A")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@pass_session
def set_password(session: Session, ref: str, password_stdin: bool) -> None:
    """Give the account A its new password; everything else stays."""
    password = password_from(stdin=password_stdin, of=ref)
    found = session.client.put(at("accounts", ref, "password"), {"password": password})
    if not session.show(found):
        session.screen.say(f"New password of {found['address']} kept; it is {found['phase']}.")
