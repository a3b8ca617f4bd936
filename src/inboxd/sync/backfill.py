"""The history of an account: newest first, in bounded steps, resumable at every step (P10).

Over its own connection it goes through the frozen ranges of a run. Metadata of a window come
first, the decisions are pure (`plan`), then bodies, which go through the `pipeline`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from inboxd.log import get
from inboxd.mime.people import headers_people
from inboxd.model.conditions import History
from inboxd.model.events import EventType
from inboxd.model.ids import AddressKey, Uid
from inboxd.model.server import Fetched, Metadata, UidSet
from inboxd.store import accounts, contacts, folders, ledger, owners, runs
from inboxd.store.database import Unit
from inboxd.store.folders import Folder
from inboxd.store.ledger import Reason
from inboxd.store.messages import Place, Stored
from inboxd.store.runs import Run, RunFolder, RunKind
from inboxd.sync import plan
from inboxd.sync.borders import Era, eras, was_chosen
from inboxd.sync.intake import Also
from inboxd.sync.pipeline import Arrival, Pipeline, open_pipeline
from inboxd.sync.plan import Step
from inboxd.sync.session import Session

log = get("inboxd.backfill")

WINDOW = 1_000
"""UIDs whose metadata are read at once. A narrowed start date or a removed label takes effect at
the next window; larger ones gain nothing, the metadata of 1,000 take 15 ms."""


async def run_history(session: Session, run: Run) -> None:
    """Bring a planned run to its end.

    Raises what the connection raises; every step that was committed stays done.
    """
    known: frozenset[AddressKey] = frozenset()
    if run.history is History.CONTACTS:
        known = await session.ground.database.read(contacts.keys_at, run.pressed_at)
    while (
        part := await session.ground.database.write(partial(_next_or_finish, session, run))
    ) is not None:
        await _Part(session, run, part, known).bring_in()
    log.info("history_finished", run=run.id)


def _next_or_finish(session: Session, run: Run, unit: Unit) -> RunFolder | None:
    """The next folder to go through; where there is none, the run is finished.

    One transaction: a start date that is widened in this moment opens folders again, before the
    end or not at all.
    """
    parts = runs.folders(unit.connection, run.id)
    for part in parts:
        if part.finished_at is None:
            return part
    stored = sum(part.stored for part in parts)
    runs.finish(unit, run.id)
    unit.emit(EventType.HISTORY_FINISHED, session.account, {"run": run.id, "stored": stored})
    return None


class _Part:
    """One folder of a run, over one connection."""

    def __init__(
        self, session: Session, run: Run, part: RunFolder, known: frozenset[AddressKey]
    ) -> None:
        self._session = session
        self._run = run
        self._part = part
        self._known = known
        self._strictest: datetime | None = None
        """The latest start date that anything was left out by."""

    async def bring_in(self) -> None:
        """Go through what is left of the range, window by window."""
        folder = await self._opened()
        if folder is None:
            await self._end()
            return
        todo = await self._todo(folder)
        ground = self._session.ground
        async with open_pipeline(ground.database, ground.histories, self._also) as pipeline:
            await self._go_through(folder, todo, pipeline)
        await self._end()

    async def _go_through(self, folder: Folder, todo: UidSet, pipeline: Pipeline) -> None:
        while todo:
            run, choices = await self._present_choice()
            if folder.name not in choices[-1].selection.folders:
                log.info("history_left_folder", folder_id=folder.id)
                break
            self._strictest = max(self._strictest or run.start_at, run.start_at)
            window = todo.newest(WINDOW)
            todo = todo - window
            terms = await self._session.ground.database.read(owners.terms, self._session.account)
            place = self._session.place(folder, terms, historical=True)
            await self._window(folder, place, run, choices, window, pipeline)

    async def _opened(self) -> Folder | None:
        """The folder, examined; None when it is gone or its UIDs are of another generation."""
        database = self._session.ground.database
        all_folders = await database.read(folders.of_account, self._session.account)
        folder = next((one for one in all_folders if one.id == self._part.folder), None)
        if folder is None or not folder.listed:
            return None
        status = await self._session.imap.examine(folder.wire_name)
        return folder if status.uidvalidity == self._part.uidvalidity else None

    async def _todo(self, folder: Folder) -> UidSet:
        part = self._part
        left = UidSet.span(part.first_uid, part.cursor_uid - 1)
        listed = await self._session.imap.search_uids(left) if left else left
        # A re-sync decides anew about everything that is not stored (P13).
        question = ledger.decided if self._run.kind is RunKind.FIRST else ledger.stored
        database = self._session.ground.database
        return listed - await database.read(question, folder.id, part.uidvalidity)

    async def _present_choice(self) -> tuple[Run, tuple[Era, ...]]:
        """The run as it is now, and the choices of labels since it was pressed.

        A label taken off while the first history runs takes its folder out of it (P12); a
        re-sync names its own labels.
        """
        database, account = self._session.ground.database, self._session.account
        run = await database.read(runs.get, self._run.id)
        known = await database.read(folders.of_account, account)
        listed = [folder for folder in known if folder.listed]
        if run.kind is not RunKind.FIRST:
            return run, eras((), run.labels, listed)
        now = await database.read(accounts.get, account)
        changes = await database.read(partial(accounts.label_changes, after=0), account)
        since = [one for one in changes if one.at >= run.pressed_at]
        return run, eras(since, now.conditions.labels, listed)

    async def _window(
        self,
        folder: Folder,
        place: Place,
        run: Run,
        choices: tuple[Era, ...],
        window: UidSet,
        pipeline: Pipeline,
    ) -> None:
        settings = self._session.ground.settings
        rules = plan.Rules(
            start_at=run.start_at,
            pressed_at=run.pressed_at,
            history=run.history,
            contacts=self._known,
            message_bytes=settings.limits.message_bytes,
        )
        metadata = await self._session.imap.fetch_metadata(window)
        not_chosen: dict[Uid, Reason] = {}
        if len(choices) > 1 or folder.labelled:
            not_chosen = {
                one.uid: Reason.NOT_CHOSEN
                for one in metadata
                if not was_chosen(choices, folder, one, pressed_at=run.pressed_at)
            }
        left_out, unread = await self._left_out(rules, metadata, not_chosen)
        # Nothing is fetched of a message whose people could not be read (P6).
        metadata = [one for one in metadata if one.uid not in unread]
        described = UidSet.of(one.uid for one in metadata)
        withheld = await self._session.withheld(window, described)
        for step in plan.steps(window, metadata, left_out, plan.Bounds.of(settings.sync)):
            await pipeline.room()
            bodies, missing = await self._fetch(step)
            await pipeline.put(Arrival(place, step, withheld | missing), bodies)
            withheld = UidSet()

    async def _left_out(
        self,
        rules: plan.Rules,
        metadata: Sequence[Metadata],
        not_chosen: Mapping[Uid, Reason],
    ) -> tuple[dict[Uid, Reason], UidSet]:
        """Why messages are left out, and those whose header the server did not give."""
        left_out = dict(not_chosen)
        for one in metadata:
            reason = rules.by_metadata(one)
            if reason is not None:
                left_out[one.uid] = reason
        asked = UidSet.of(
            one.uid for one in metadata if one.uid not in left_out and rules.asks_for_people(one)
        )
        if not asked:
            return left_out, asked
        headers = await self._session.imap.fetch_headers(asked, plan.P6_FIELDS)
        for header in headers:
            reason = rules.by_people(headers_people(header.header))
            if reason is not None:
                left_out[header.uid] = reason
        return left_out, asked - UidSet.of(header.uid for header in headers)

    async def _fetch(self, step: Step) -> tuple[list[Fetched], UidSet]:
        """The bodies of a step, and the UIDs that the server lists and does not hand out."""
        bodies = await self._session.fetch(step.wanted) if step.wanted else []
        missing = step.uids - UidSet.of(one.uid for one in bodies)
        if missing:
            again = await self._session.imap.fetch_bodies(missing)
            bodies = [*bodies, *again]
            missing = missing - UidSet.of(one.uid for one in again)
        return bodies, await self._session.withheld(missing, UidSet())

    def _also(self, arrivals: Sequence[Arrival]) -> Also:
        place = arrivals[0].place
        steps = [arrival.step for arrival in arrivals]

        def also(unit: Unit, stored: Stored) -> None:
            for arrival in arrivals:
                ledger.skip(unit, place.folder, place.uidvalidity, arrival.step.skipped)
                _set_aside(unit, place, arrival.withheld)
            runs.move_cursor(
                unit,
                self._run.id,
                place.folder,
                steps[-1].cursor,
                decided=sum(len(step.skipped) + len(step.wanted) for step in steps),
                stored=stored.new,
                size=stored.size,
            )

        return also

    async def _end(self) -> None:
        """The folder is done, unless the start date was widened since its mail was looked at."""

        def work(unit: Unit) -> None:
            start_at = runs.get(unit.connection, self._run.id).start_at
            if self._strictest is not None and start_at < self._strictest:
                runs.reopen_folder(unit, self._part, self._run.id)
            else:
                runs.finish_folder(unit, self._run.id, self._part.folder)

        await self._session.ground.database.write(work)


def _set_aside(unit: Unit, place: Place, withheld: UidSet) -> None:
    for uid in withheld:
        ledger.quarantine(
            unit,
            place.folder,
            place.uidvalidity,
            uid,
            reason=Reason.NOT_GIVEN,
            error="the server lists it and does not hand it out",
            zstd=None,
        )
