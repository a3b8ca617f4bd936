"""`inboxctl settings`: what one person chose for all of their accounts."""

from __future__ import annotations

from collections.abc import Mapping

import click

from inboxd.cli.client import Json, at
from inboxd.cli.session import Session, pass_session

_MEANING = {
    "track_opens": "tell of opens, for new accounts",
    "track_links": "tell of clicks, for new accounts",
    "track_notify": "announce each hit",
    "visibility": "of new mail: private or shared",
    "sender_name": "shown beside the address in sent mail",
    "signature": "put below sent mail",
    "default_account": "the address to send from",
    "time_zone": "where the months of a start date are counted",
    "blocked": "addresses and domains whose mail is skipped",
    "strict": "skip it even when somebody else is in the conversation",
    "mirror_delete": "deleting here deletes on the server too",
    "mirror_archive": "archiving here archives on the server too",
    "deleted_on_server": "mail deleted there: hide, 30d (purge after), or purge",
}


def _pair(_ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for one in value:
        name, equals, text = one.partition("=")
        if not equals:
            raise click.BadParameter(f"{one!r} is not KEY=VALUE.", param=param)
        pairs[name.replace("-", "_")] = text
    return pairs


@click.command()
@click.argument("owner")
@click.argument("wishes", metavar="[KEY=VALUE]...", nargs=-1, callback=_pair)
@pass_session
def settings(session: Session, owner: str, wishes: dict[str, str]) -> None:
    """Show or change the personal settings of OWNER.

    A change is for mail that comes in from now on, and for this owner alone. Lists are separated
    by commas: blocked=spammer@example.com,ads.example
    """
    where = at("owners", owner, "settings")
    found = session.client.patch(where, dict(wishes)) if wishes else session.client.get(where)
    if session.show(found):
        return
    session.screen.table(
        ["SETTING", "VALUE", "WHAT IT IS"],
        [[name, _shown(found, name), meaning] for name, meaning in _MEANING.items()],
        flexible=(1, 2),
        nothing="",
    )


def _shown(found: Mapping[str, Json], name: str) -> str:
    value = found[name]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value) or "-"
