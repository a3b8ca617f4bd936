"""Somebody who uses a mailbox while it is synced: delivers, moves, deletes, renames."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from servers.fill import Writer
from servers.mailmaker import Mailmaker

FOLDERS = ("INBOX", "Sent", "Archive")


class Chaos:
    """One action after the other from a seeded stream of chance."""

    def __init__(self, writer: Writer, seed: int, *, per_second: float, folders: bool) -> None:
        self._writer = writer
        self._random = Random(seed)
        self._maker = Mailmaker(seed, median_bytes=1_500)
        self._pause_seconds = 1 / per_second
        self._uids: dict[str, list[int]] = {folder: [] for folder in FOLDERS}
        self._changes_folders = folders
        self._made = 0
        self._stop = threading.Event()
        self.actions = 0
        self.error: BaseException | None = None

    @contextmanager
    def going(self) -> Iterator[None]:
        """Act while the block runs."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._pause_seconds):
                self.act()
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits
            self.error = error

    def act(self) -> None:
        """Do one thing."""
        self.actions += 1
        chance = self._random.random()
        folder = self._random.choice(FOLDERS)
        if chance < 0.6 or not self._uids[folder]:
            self._deliver(folder)
        elif chance < 0.75:
            self._writer.expunge(folder, self._take(folder))
        elif chance < 0.95:
            target = self._random.choice([one for one in FOLDERS if one != folder])
            # Its new UID is not told, so it is left alone from now on.
            self._writer.move(folder, self._take(folder), target)
        elif self._changes_folders:
            self._change_folder()

    def _deliver(self, folder: str) -> None:
        self._uids[folder].append(self._writer.deliver(folder, self._maker.mail()))

    def _take(self, folder: str) -> int:
        uids = self._uids[folder]
        return uids.pop(self._random.randrange(len(uids)))

    def _change_folder(self) -> None:
        self._made += 1
        name = f"Project {self._made}"
        self._writer.create(name)
        self._writer.deliver(name, self._maker.mail())
        if self._made % 2:
            self._writer.rename(name, f"{name} (done)")
