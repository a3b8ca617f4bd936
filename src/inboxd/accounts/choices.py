"""What a person chooses for an account, written down: conditions, Sync, re-sync (P2-P7, P12-P13).

The rules are `model.conditions`; this applies them to an account inside one transaction, with its
line in the journal and its event.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inboxd.model.conditions import (
    NOW,
    Change,
    Conditions,
    History,
    Patch,
    Presets,
    change,
    checked_resync,
    revert,
    start_of_history,
)
from inboxd.model.errors import RuleRefused
from inboxd.model.events import EventType
from inboxd.model.labels import Labels
from inboxd.store import accounts, folders, runs
from inboxd.store.accounts import Account
from inboxd.store.database import Unit
from inboxd.store.folders import Folder
from inboxd.store.runs import RunKind


@dataclass(frozen=True, slots=True)
class ResyncWish:
    """What a re-sync asks for, unchecked."""

    since: str
    labels: Labels | None
    history: str | None


class Choices:
    """Applies what people choose, under the presets of this deployment (P3)."""

    def __init__(self, presets: Presets) -> None:
        self._presets = presets

    def change(self, unit: Unit, account: Account, patch: Patch, caller: str) -> Change:
        """Change the conditions by a patch. Raises RuleRefused; then nothing is written."""
        changed = change(
            account.conditions,
            patch,
            presets=self._presets,
            folders=_listed(unit, account),
            synced=account.synced_at is not None,
            history_open=_history_open(unit, account),
        )
        if changed.conditions != account.conditions:
            self._write(unit, account, changed, caller)
        return changed

    def undo(self, unit: Unit, account: Account, caller: str) -> Change:
        """Go back to before the newest change that still stands."""
        entry = accounts.last_undoable(unit.connection, account.id)
        if entry is None:
            raise RuleRefused("There is no change of the conditions to undo.")
        undone = revert(
            account.conditions,
            entry.before,
            synced=account.synced_at is not None,
            history_open=_history_open(unit, account),
        )
        self._write(unit, account, undone, caller)
        accounts.mark_undone(unit, account.id, entry.id)
        return undone

    def _write(self, unit: Unit, account: Account, changed: Change, caller: str) -> None:
        after = changed.conditions
        accounts.set_conditions(unit, account.id, after)
        accounts.journal(unit, account.id, caller, account.conditions, after, changed.sentences)
        self._steer_history(unit, account, after)
        unit.emit(
            EventType.CONDITIONS_CHANGED,
            account.id,
            {
                "conditions": accounts.conditions_as_json(after),
                "changes": list(changed.sentences),
                "caller": caller,
            },
        )

    def _steer_history(self, unit: Unit, account: Account, after: Conditions) -> None:
        """A new start date moves the end of a first history that is still under way."""
        if after.since in (None, NOW, account.conditions.since):
            return
        for run in runs.unfinished(unit.connection, account.id):
            if run.kind is RunKind.FIRST:
                start = self._start(after.since, run.pressed_at, account)
                runs.set_start(unit, run.id, after.since, start)

    def press_sync(self, unit: Unit, account: Account, caller: str) -> None:
        """Begin: the history once, and everything later (P2). Pressing it again is refused."""
        chosen = account.conditions
        if account.synced_at is not None:
            raise RuleRefused("Sync was pressed already; for more history send a re-sync.")
        if not chosen.confirmed or chosen.since is None:
            raise RuleRefused(
                "The conditions are not confirmed yet: send since (and history, unless since is "
                "now), for example inboxctl conditions ACCOUNT --since 3m --history everyone."
            )
        now = unit.clock.now()
        accounts.change(unit, account.id, synced_at=now)
        run = runs.start(
            unit,
            account.id,
            RunKind.FIRST,
            since=chosen.since,
            start_at=self._start(chosen.since, now, account),
            history=chosen.history or History.EVERYONE,
            labels=chosen.labels,
        )
        unit.emit(
            EventType.HISTORY_STARTED,
            account.id,
            {"run": run, "kind": RunKind.FIRST, "since": chosen.since, "caller": caller},
        )

    def resync(self, unit: Unit, account: Account, wish: ResyncWish, caller: str) -> None:
        """Note a re-sync (P13)."""
        checked = checked_resync(
            account.conditions,
            since=wish.since,
            labels=wish.labels,
            history=wish.history,
            presets=self._presets,
            folders=_listed(unit, account),
            synced=account.synced_at is not None,
        )
        run = runs.start(
            unit,
            account.id,
            RunKind.RESYNC,
            since=checked.since,
            start_at=self._start(checked.since, unit.clock.now(), account),
            history=History.EVERYONE,
            labels=checked.labels,
        )
        unit.emit(
            EventType.HISTORY_STARTED,
            account.id,
            {"run": run, "kind": RunKind.RESYNC, "since": checked.since, "caller": caller},
        )

    def _start(self, since: str, pressed_at: datetime, account: Account) -> datetime:
        start = start_of_history(
            since,
            pressed_at=pressed_at,
            zone=account.settings.zone,
            presets=self._presets,
        )
        # INTERNALDATE has whole seconds: mail of the very second of the press is not older.
        return pressed_at.replace(microsecond=0) if start is None else start


def _listed(unit: Unit, account: Account) -> list[Folder]:
    return [one for one in folders.of_account(unit.connection, account.id) if one.listed]


def _history_open(unit: Unit, account: Account) -> bool:
    return bool(runs.unfinished(unit.connection, account.id))
