"""The life of an account as one pure function; the stored, logged and shown word is the same."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never


class Phase(StrEnum):
    """Where an account stands."""

    NEW = "new"
    """Connected once; the conditions are not confirmed yet."""
    READY = "ready"
    """Confirmed; waits for Sync."""
    BACKFILLING = "backfilling"
    """The history comes in; new mail is stored meanwhile (P10)."""
    LIVE = "live"
    PAUSED = "paused"
    RETRYING = "retrying"
    """A temporary failure; tried again by itself (P20)."""
    NEEDS_LOGIN = "needs_login"
    """The login was clearly refused; waits for a person (P20)."""
    THROTTLED = "throttled"
    """The server asked for patience; tried again when it said."""
    FAILED = "failed"
    """A bug or a setting stopped it; `status` says which."""
    REMOVED = "removed"


class PhaseEvent(StrEnum):
    """What can happen to an account."""

    CHOSEN = "chosen"
    """Its conditions, Sync or history changed; or it works (again)."""
    PAUSE = "pause"
    RESUME = "resume"
    TROUBLE = "trouble"
    THROTTLE = "throttle"
    LOGIN_REFUSED = "login_refused"
    FAILURE = "failure"
    REMOVE = "remove"


def at_rest(*, confirmed: bool, synced: bool, history_open: bool) -> Phase:
    """Where an account stands when nothing is wrong."""
    if not synced:
        return Phase.READY if confirmed else Phase.NEW
    return Phase.BACKFILLING if history_open else Phase.LIVE


def advance(phase: Phase, event: PhaseEvent, resting: Phase) -> Phase:
    """The next phase; `resting` is `at_rest` of the account's present facts.

    Removal is final. A pause outlasts every trouble and ends only with `RESUME`: a late failure
    of a connection that was being closed must not make a paused account look busy.
    """
    if phase is Phase.REMOVED or event is PhaseEvent.REMOVE:
        return Phase.REMOVED
    if phase is Phase.PAUSED and event is not PhaseEvent.RESUME:
        return Phase.PAUSED
    match event:
        case PhaseEvent.CHOSEN | PhaseEvent.RESUME:
            return resting
        case PhaseEvent.PAUSE:
            return Phase.PAUSED
        case PhaseEvent.TROUBLE:
            return Phase.RETRYING
        case PhaseEvent.THROTTLE:
            return Phase.THROTTLED
        case PhaseEvent.LOGIN_REFUSED:
            return Phase.NEEDS_LOGIN
        case PhaseEvent.FAILURE:
            return Phase.FAILED
        case _:
            assert_never(event)
