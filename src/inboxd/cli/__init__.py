"""`inboxctl`: the command line over the daemon's socket. It knows nothing but the API.

Exit codes: 0 done, 1 failed, 2 usage, 3 daemon not reachable, 4 not found, 5 refused by a rule.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

import inboxd
from inboxd.cli import (
    account,
    conditions,
    contact,
    message,
    preview,
    proof,
    settings,
    setup,
    status,
    sync,
    watch,
)
from inboxd.cli.client import Client, Problem, Unreachable
from inboxd.cli.render import Screen
from inboxd.cli.session import DEFAULT_SOCKET, Failed, Session

FAILED = 1
NOT_REACHABLE = 3
_OF_STATUS = {404: 4, 409: 5}


class _Commands(click.Group):
    """Turns what went wrong into a sentence on standard error and an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        screen = Screen(as_json=bool(ctx.params.get("as_json")))
        try:
            return super().invoke(ctx)
        except Problem as problem:
            screen.error(problem.detail, problem.problems)
            ctx.exit(_OF_STATUS.get(problem.status, FAILED))
        except Unreachable as trouble:
            screen.error(str(trouble))
            ctx.exit(NOT_REACHABLE)
        except Failed as failure:
            screen.error(str(failure))
            ctx.exit(FAILED)
        except BrokenPipeError:
            # `inboxctl messages | head`: the reader has what it wanted. What Python still holds
            # for it must go nowhere, or the interpreter complains at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--socket",
    "socket_path",
    envvar="INBOXD_SOCKET",
    show_envvar=True,
    default=DEFAULT_SOCKET,
    show_default=True,
    # Whether it may be used is told by using it: click would ask for the right to read it.
    type=click.Path(path_type=Path, readable=False),
    help="The daemon's control socket.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON: one object, or one a line.")
@click.version_option(inboxd.__version__, prog_name="inboxctl")
@click.pass_context
def main(ctx: click.Context, socket_path: Path, as_json: bool) -> None:
    """Steer inboxd, the e-mail sync daemon.

    Accounts are named by their id or their e-mail address.

    Exit codes: 0 done, 1 failed, 2 usage, 3 daemon not reachable, 4 not found, 5 refused by a
    rule.
    """
    client = Client(socket_path)
    ctx.call_on_close(client.close)
    ctx.obj = Session(client, Screen(as_json=as_json))


for _command in (
    setup.setup,
    status.status,
    account.account,
    conditions.labels,
    conditions.conditions,
    preview.preview,
    settings.settings,
    sync.sync,
    sync.resync,
    contact.contact,
    message.messages,
    message.message,
    message.attachment,
    message.thread,
    watch.watch,
    proof.verify,
    proof.why,
    proof.quarantine,
):
    main.add_command(_command)
