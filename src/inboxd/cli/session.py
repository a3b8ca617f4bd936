"""What every command is given: the line to the daemon and the screen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from inboxd.cli import render
from inboxd.cli.client import Client, Json

DEFAULT_SOCKET = Path("/run/inboxd/inboxd.sock")
"""Where the service's runtime directory has it."""


@dataclass(frozen=True)
class Session:
    """One run of `inboxctl`."""

    client: Client
    screen: render.Screen

    def show(self, value: Json) -> bool:
        """Print `value` for a program, if one reads. True when that was all there is to do."""
        if self.screen.as_json:
            self.screen.json(value)
        return self.screen.as_json

    def show_lines(self, values: list[Json]) -> bool:
        """Print each value on a line for a program, if one reads. True when it was."""
        if self.screen.as_json:
            self.screen.json_lines(values)
        return self.screen.as_json


class Failed(Exception):
    """A command could not do what was asked; the text says what to do next."""


pass_session = click.make_pass_decorator(Session)
