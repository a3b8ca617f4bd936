"""The only place that prints: JSON for programs, lines and tables for people."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from inboxd.cli import text
from inboxd.cli.client import Json

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bar(Protocol):
    """Something that shows how far work has come."""

    def show(self, title: str, done: int, total: int, note: str) -> None:
        """Show the present state."""


class Screen:
    """Standard output and standard error, in the manner that was asked for."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        """Whether a program reads; then nothing but JSON goes to standard output."""

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at standard output."""
        return sys.stdout.isatty()

    def json(self, value: Json) -> None:
        """One value as one line. ASCII, so that it is safe in every locale and terminal."""
        click.echo(json.dumps(value))

    def json_lines(self, values: Iterable[Json]) -> None:
        """A list or a stream, one value a line."""
        for value in values:
            self.json(value)

    def say(self, sentence: str) -> None:
        """One line to a person; a program is told nothing."""
        if not self.as_json:
            click.echo(text.clean(sentence))

    def lines(self, content: str) -> None:
        """Text with its line breaks."""
        click.echo(text.clean(content, lines=True))

    def fields(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Names and values, aligned."""
        room = max(len(name) for name, _ in pairs) + 2
        for name, value in pairs:
            click.echo(f"{name + ':':<{room}}{text.clean(value)}")

    def table(
        self,
        titles: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        flexible: Sequence[int] = (),
        nothing: str,
    ) -> None:
        """Rows under titles, cut to the terminal's width; `nothing` says that there are none."""
        if not rows:
            self.say(nothing)
            return
        fit = shutil.get_terminal_size().columns if self.is_terminal else None
        for line in text.table(titles, rows, fit=fit, flexible=flexible):
            click.echo(line)

    def raw(self, data: bytes) -> None:
        """Bytes as they are; made harmless where a terminal would act on them."""
        if self.is_terminal:
            self.lines(data.decode("utf-8", "replace"))
        else:
            click.echo(data, nl=False)

    def error(self, sentence: str, problems: Sequence[str] = ()) -> None:
        """What happened and what to do next, to standard error."""
        click.echo(f"inboxctl: {text.clean(sentence)}", err=True)
        for problem in problems:
            click.echo(f"  {text.clean(problem)}", err=True)

    def note(self, sentence: str) -> None:
        """Something beside the result, to standard error."""
        click.echo(text.clean(sentence), err=True)

    @contextmanager
    def bar(self) -> Iterator[Bar]:
        """A progress bar on standard error, where a person sees it; else nothing is shown."""
        if self.as_json or not sys.stderr.isatty():
            yield _NoBar()
            return
        # rich costs more than the rest of a start: only where something is drawn.
        from rich import console, progress  # noqa: PLC0415

        columns = (
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[note]}", markup=False),
        )
        drawn = progress.Progress(*columns, console=console.Console(stderr=True))
        with drawn:
            yield _RichBar(drawn, drawn.add_task("", total=None, note=""))


class _NoBar:
    def show(self, title: str, done: int, total: int, note: str) -> None:
        """Nobody looks."""


class _RichBar:
    def __init__(self, drawn: Progress, task: TaskID) -> None:
        self._drawn = drawn
        self._task = task

    def show(self, title: str, done: int, total: int, note: str) -> None:
        """Redraw."""
        self._drawn.update(
            self._task,
            description=text.clean(title),
            completed=done,
            total=total or None,
            note=text.clean(note),
        )


def listed(names: Sequence[str], nothing: str = "-") -> str:
    """Names in one cell."""
    return ", ".join(names) or nothing


def chosen_labels(conditions: Mapping[str, Json]) -> str:
    """The labels of conditions in one cell."""
    labels = conditions["labels"]
    return "all (without Drafts, Junk, Trash)" if labels == "all" else listed(labels)
