"""What one connection watches, and of which folders it knows that something is to be done.

No server and no store is asked here: what they say is noted, and `live` acts on the notes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from inboxd.imap.client import Hints
from inboxd.model.ids import FolderId, Uid, WireName
from inboxd.model.labels import ALL, Selection
from inboxd.model.server import FolderStatus
from inboxd.model.settings import Terms
from inboxd.store.folders import Folder
from inboxd.sync.borders import Border
from inboxd.sync.scope import Scope

FEW = 16
"""Up to this many new messages are fetched with their metadata in one go: 1 MiB at the most."""


class Watched:
    """The watched folders of one connection, the most important first."""

    def __init__(self) -> None:
        self.folders: dict[FolderId, Folder] = {}
        self.primary: Folder | None = None
        """The one to wait in."""
        self.terms = Terms()
        self.selection = Selection.of(ALL, ())
        self.history_open = False
        self.borders: dict[FolderId, Border] = {}
        """Folders whose new mail came in under several choices of labels."""
        self.dirty: set[FolderId] = set()
        """Folders with UIDs at or above their cursor."""
        self.doubtful: set[FolderId] = set()
        """Folders whose ledger must be compared with the server."""
        self.unlabelled: set[FolderId] = set()
        """Folders whose messages may carry other labels by now (Gmail)."""
        self.expected: dict[FolderId, int] = {}
        """How many messages a folder has if nothing vanished since it was last compared."""
        self.seen_at: float | None = None
        """When the server last spoke of something new."""
        self.few = False
        """The selected folder grew by no more than FEW."""
        self._by_name: dict[WireName, Folder] = {}

    def take(self, scope: Scope) -> None:
        """Watch what a settling gave, and note what its statuses show."""
        known = set(self.folders)
        self.terms, self.selection = scope.terms, scope.selection
        self.history_open = scope.history_open
        self.borders = dict(scope.borders)
        self.folders = {folder.id: folder for folder in scope.watched}
        self._by_name = {folder.wire_name: folder for folder in scope.watched}
        self.primary = scope.watched[0] if scope.watched else None
        present = set(self.folders)
        self.dirty = (self.dirty | set(self.borders)) & present
        self.doubtful = (self.doubtful & present) | (present - known)
        self.unlabelled = {folder.id for folder in scope.watched if folder.labelled}
        for wire_name, status in scope.statuses.items():
            self.compare(wire_name, status)

    def compare(self, wire_name: WireName, status: FolderStatus) -> None:
        """Mark what a STATUS shows to be new or in doubt."""
        folder = self.named(wire_name)
        if folder is None:
            return
        if (
            status.uidvalidity != folder.uidvalidity
            or status.uidnext is None
            or status.uidnext > (folder.next_uid or 1)
        ):
            self.dirty.add(folder.id)
        elif status.messages != self.expected.get(folder.id, status.messages):
            self.doubtful.add(folder.id)

    def hear(self, hints: Hints, selected: WireName | None) -> None:
        """Mark what the server said without being asked."""
        if hints.received_at is not None:
            self.seen_at = hints.received_at
        opened = self.named(selected)
        if opened is not None and hints.arrived:
            self.dirty.add(opened.id)
            self.few = 0 < hints.arrivals <= FEW
        if opened is not None and hints.expunged:
            self.doubtful.add(opened.id)
        for wire_name, status in hints.folders:
            folder = self.named(wire_name)
            if status is not None:
                self.compare(wire_name, status)
            elif folder is not None:
                self.dirty.add(folder.id)
                self.doubtful.add(folder.id)

    def doubt_everything(self) -> None:
        """Compare all folders with the server once more."""
        self.doubtful.update(self.folders)

    def trust(self, folder: FolderId) -> None:
        """Nothing is to be done in a folder: it is drained, or cannot be opened any more."""
        for marks in (self.dirty, self.doubtful, self.unlabelled):
            marks.discard(folder)

    def first_of(self, marked: Collection[FolderId]) -> Folder:
        """The most important of the marked folders."""
        return next(folder for folder in self.folders.values() if folder.id in marked)

    def named(self, wire_name: WireName | None) -> Folder | None:
        """The watched folder of that name."""
        return None if wire_name is None else self._by_name.get(wire_name)

    def remember(self, folder: Folder) -> None:
        """A folder changed; it keeps its place."""
        self.folders[folder.id] = folder
        self._by_name[folder.wire_name] = folder
        if self.primary is not None and self.primary.id == folder.id:
            self.primary = folder

    def passed(self, folder: FolderId, following: Uid) -> None:
        """The live cursor of a folder moved."""
        self.remember(replace(self.folders[folder], next_uid=following))
