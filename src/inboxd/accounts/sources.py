"""Where contacts come from by themselves: Pipedrive, and a watched directory of vCards (P24)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import aclosing
from pathlib import Path

import anyio
import anyio.to_thread

from inboxd.contacts import csv_file, vcard_file
from inboxd.log import get
from inboxd.model.addresses import normalise
from inboxd.model.contacts import NewContact
from inboxd.model.errors import BadInput, InboxdError
from inboxd.model.views import ImportReport, SourceView
from inboxd.secrets import SecretBox
from inboxd.store import contacts, sources
from inboxd.store.database import Unit
from inboxd.sync.session import Ground

log = get(__name__)

PIPEDRIVE = "pipedrive"

LOOK_SECONDS = 5.0
"""How often the directory is looked at: vdirsyncer writes at most every few minutes."""

BATCH = 500
"""Contacts stored in one transaction; nobody's mail waits for a hundred thousand."""

Seen = Mapping[Path, tuple[int, int]]
"""Each file's time of change and size."""


def read_file(data: bytes, filename: str) -> tuple[tuple[NewContact, ...], tuple[str, ...]]:
    """Contacts and problems of a file, which is a vCard by its name or its beginning, else CSV."""
    begins = data[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").upper()
    if filename.lower().endswith((".vcf", ".vcard")) or begins.startswith(b"BEGIN:VCARD"):
        cards = vcard_file.read(data)
        return cards.contacts, cards.problems
    rows = csv_file.read(data)
    return rows.contacts, rows.problems


class Sources:
    """The sources of contacts, asked for by people and by time."""

    def __init__(self, ground: Ground, box: SecretBox) -> None:
        self._ground = ground
        self._database = ground.database
        self._box = box

    # --- what people ask for ---------------------------------------------------------------------

    async def take(
        self, found: Iterable[NewContact], problems: tuple[str, ...] = ()
    ) -> ImportReport:
        """Store contacts; those that are known already stay as they are."""
        waiting = list(found)
        added = 0
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]

            def work(unit: Unit, batch: list[NewContact] = batch) -> int:
                return sum(_add(unit, one) for one in batch)

            added += await self._database.write(work, durable=True)
        return ImportReport(added, len(waiting) - added, problems)

    async def import_file(self, data: bytes, *, filename: str, partial: bool) -> ImportReport:
        """Import a file: all of it, or with `partial` its good lines.

        Raises BadInput with every problem otherwise; then nothing is imported.
        """
        found, problems = await anyio.to_thread.run_sync(read_file, data, filename)
        if problems and not partial:
            raise BadInput(
                f"{filename or 'The file'} has lines that cannot be used, so nothing was "
                "imported. Mend them, or import the good lines with --partial.",
                problems=problems,
            )

        def work(unit: Unit) -> int:
            return sum(_add(unit, one) for one in found)

        # In one transaction: a file comes in as a whole.
        added = await self._database.write(work, durable=True)
        return ImportReport(added, len(found) - added, problems)

    async def everything(self) -> tuple[SourceView, ...]:
        """The sources that were set."""
        return await self._database.read(sources.everything)

    async def set_pipedrive(self, url: str, token: str, caller: str) -> ImportReport:
        """Pull from Pipedrive now and from time to time. Raises what `pull` raises.

        The token is tried first: one that is wrong is not kept.
        """
        report = await self._pull(url, token)
        sealed = self._box.seal(token)
        log.info("contact_source_set", name=PIPEDRIVE, caller=caller)
        await self._database.write(
            lambda unit: sources.put(unit, PIPEDRIVE, url, sealed), durable=True
        )
        return report

    async def pull(self, name: str) -> ImportReport:
        """Pull from a source now; what goes wrong is raised, and kept with the source."""
        url, sealed = await self._database.read(sources.access, name)
        try:
            report = await self._pull(url, self._box.unseal(sealed))
        except InboxdError as error:
            trouble = str(error)
            await self._database.write(lambda unit: sources.note(unit, name, trouble))
            raise
        await self._database.write(lambda unit: sources.note(unit, name, ""))
        return report

    async def remove(self, name: str) -> None:
        """Pull from a source no more; its contacts stay. Raises NotFound."""
        await self._database.write(lambda unit: sources.remove(unit, name), durable=True)

    async def _pull(self, url: str, token: str) -> ImportReport:
        added = known = 0
        # Imported only here: most daemons pull from nowhere, and an HTTP client is large.
        from inboxd.contacts import pipedrive  # noqa: PLC0415

        async with aclosing(pipedrive.persons(url, token, clock=self._ground.clock)) as pages:
            async for page in pages:
                report = await self.take(person.contact for person in page)
                added, known = added + report.added, known + report.known
        return ImportReport(added, known, ())

    # --- what time brings ------------------------------------------------------------------------

    async def run(self) -> None:
        """Watch the directory and pull from time to time, for as long as the daemon runs."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._pull_from_time_to_time)
            directory = self._ground.settings.contacts.vcard_directory
            if directory is not None:
                tasks.start_soon(self._watch, directory)

    async def _pull_from_time_to_time(self) -> None:
        while True:
            await self._ground.clock.sleep(self._ground.settings.contacts.pull_minutes * 60)
            for source in await self.everything():
                try:
                    await self.pull(source.name)
                except InboxdError as error:
                    log.warning("contact_source_failed", name=source.name, problem=str(error))

    async def _watch(self, directory: Path) -> None:
        seen: Seen = {}
        while True:
            try:
                now = await anyio.to_thread.run_sync(_look, directory)
                for path in (one for one, state in now.items() if seen.get(one) != state):
                    await self._read(path)
                seen = now
            except (OSError, InboxdError) as error:
                log.warning("contact_directory_failed", problem=str(error))
            await self._ground.clock.sleep(LOOK_SECONDS)

    async def _read(self, path: Path) -> None:
        data = await anyio.to_thread.run_sync(path.read_bytes)
        found, problems = await anyio.to_thread.run_sync(read_file, data, path.name)
        report = await self.take(found)
        if report.added or problems:
            # The file's name may be somebody's; the numbers say enough.
            log.info("contact_file_read", added=report.added, problems=len(problems))


def _look(directory: Path) -> Seen:
    found = {}
    for path in sorted(directory.rglob("*.vcf")):
        # vdirsyncer writes beside the file and renames: what begins with a dot is not whole yet.
        if not path.name.startswith("."):
            state = path.stat()
            found[path] = (state.st_mtime_ns, state.st_size)
    return found


def _add(unit: Unit, one: NewContact) -> bool:
    pairs = [(key, text) for text in one.addresses if (key := normalise(text))]
    return contacts.add(unit, one.name, pairs)[1]
