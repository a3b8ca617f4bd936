"""Where changes of labels fall among a folder's new UIDs (P12). Pure.

While an account is paused or its server is away, mail comes and labels change; what is on the
server at the next look came in under several choices. A UID says nothing about when, so
INTERNALDATE decides under which one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from inboxd.model.ids import Uid
from inboxd.model.labels import ALL, FolderLike, Labels, Selection
from inboxd.model.server import Metadata
from inboxd.model.views import JournalEntry

SERVER = "server"
"""The caller of a change that follows a renaming on the server: a label's name changes by it,
and nothing that is chosen."""


@dataclass(frozen=True, slots=True)
class Era:
    """A time with one choice of labels."""

    begins: datetime | None
    """None: as far back as anybody asks."""
    ends: datetime | None
    """None: it lasts."""
    selection: Selection

    def covers(self, moment: datetime) -> bool:
        """Whether something of that INTERNALDATE came in this time.

        INTERNALDATE has whole seconds. In the second of a change both sides are taken: rather
        one message too many than one lost.
        """
        if self.begins is not None and moment < self.begins.replace(microsecond=0):
            return False
        return self.ends is None or moment <= self.ends


@dataclass(frozen=True, slots=True)
class Border:
    """The choices that a folder's new UIDs came in under."""

    folder: FolderLike
    below: Uid
    """UIDNEXT when the changes were looked at: from here on everything came after them."""
    eras: tuple[Era, ...]
    """Oldest first; the last one lasts."""
    change: int
    """The newest change of labels that is taken in by this."""

    @property
    def stays(self) -> bool:
        """Whether the folder is watched on; else only up to its last chosen message."""
        return self.folder.name in self.eras[-1].selection.folders

    def takes(self, one: Metadata) -> bool:
        """Whether a message came while it was chosen."""
        if one.uid >= self.below:
            return self.eras[-1].selection.takes(self.folder, one.labels)
        return any(
            era.covers(one.internal_date) and era.selection.takes(self.folder, one.labels)
            for era in self.eras
        )

    def reached(self, metadata: Sequence[Metadata]) -> list[Metadata]:
        """What is in scope: everything, or up to the last message that came while chosen."""
        if self.stays:
            return list(metadata)
        last = max((one.uid for one in metadata if self.takes(one)), default=0)
        return [one for one in metadata if one.uid <= last]


def eras(
    changes: Sequence[JournalEntry], now: Labels, folders: Iterable[FolderLike]
) -> tuple[Era, ...]:
    """The choices since before the first of `changes`, which are oldest first.

    Labels that the server renamed meanwhile are looked up by the names that they have now.
    """
    listed = tuple(folders)
    renamed: dict[str, str] = {}
    found: list[Era] = []
    labels, ends = now, None
    for entry in reversed(changes):
        if entry.caller == SERVER:
            _note_renaming(renamed, entry)
            continue
        found.append(Era(entry.at, ends, Selection.of(labels, listed)))
        before = entry.before.labels
        labels = before if before == ALL else tuple(renamed.get(one, one) for one in before)
        ends = entry.at
    found.append(Era(None, ends, Selection.of(labels, listed)))
    return tuple(reversed(found))


def was_chosen(
    choices: Sequence[Era], folder: FolderLike, one: Metadata, *, pressed_at: datetime
) -> bool:
    """Whether a history takes a message: one of before Sync goes by the present choice.

    One that came after Sync was pressed, and before the history's ranges were frozen, is future
    mail: the choice of its time decides.
    """
    if one.internal_date < pressed_at.replace(microsecond=0):
        return choices[-1].selection.takes(folder, one.labels)
    return any(
        era.covers(one.internal_date) and era.selection.takes(folder, one.labels)
        for era in choices
    )


def _note_renaming(renamed: dict[str, str], entry: JournalEntry) -> None:
    for old, new in zip(entry.before.labels, entry.after.labels, strict=False):
        if old != new:
            renamed[old] = renamed.get(new, new)


def border(folder: FolderLike, below: Uid, choices: tuple[Era, ...], change: int) -> Border | None:
    """The border in a folder; None where all choices take the same of it."""
    if folder.labelled:
        differ = len({era.selection.labels for era in choices}) > 1
    else:
        differ = len({folder.name in era.selection.folders for era in choices}) > 1
    return Border(folder, below, choices, change) if differ else None
