"""The three things a person confirms before sync, and what changing them means (P2-P8, P12, P13).

Pure: what is chosen, what a change does, which folders it selects, and the sentences that say so.
Nothing here asks a server or writes a database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from inboxd.model.errors import RuleRefused
from inboxd.model.labels import ALL, FolderLike, Labels, checked_labels

NOW = "now"
"""The start date without a history (P4)."""


class History(StrEnum):
    """Whose historical mail comes in (P5)."""

    EVERYONE = "everyone"
    CONTACTS = "contacts"


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar distance back from the moment of Sync (P3)."""

    years: int = 0
    months: int = 0
    days: int = 0

    def before(self, moment: datetime, zone: tzinfo) -> datetime:
        """The same wall-clock time that long ago in `zone`, as aware UTC.

        A day that the earlier month does not have becomes its last: 31 March less a month is the
        end of February, never a day in March.
        """
        local = moment.astimezone(zone)
        months = local.year * 12 + local.month - 1 - self.years * 12 - self.months
        year, month = divmod(months, 12)
        month += 1
        day = min(local.day, _days_of(year, month))
        return (
            local.replace(year=year, month=month, day=day) - timedelta(days=self.days)
        ).astimezone(UTC)


def _days_of(year: int, month: int) -> int:
    first = datetime(year, month, 1, tzinfo=UTC)
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return (following - first).days


Presets = Mapping[str, Period | None]
"""The start dates on offer by name; None is `now`. Data, so a deployment can add its own (P3)."""

DEFAULT_PRESETS: Presets = {
    NOW: None,
    "1m": Period(months=1),
    "3m": Period(months=3),
    "6m": Period(months=6),
    "1y": Period(years=1),
}


@dataclass(frozen=True, slots=True)
class Tracking:
    """Whether sent mail of this account tells of opens and clicks unless a message says else."""

    opens: bool = False
    links: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a person chose for one account."""

    since: str | None = None
    """A preset's name; None until it is confirmed."""
    history: History | None = None
    labels: Labels = ALL
    tracking: Tracking = field(default_factory=Tracking)

    @property
    def confirmed(self) -> bool:
        """Whether Sync may be pressed (P2)."""
        return self.since is not None and (self.since == NOW or self.history is not None)


@dataclass(frozen=True, slots=True)
class Patch:
    """The parts of the conditions that a request names; None leaves a part as it is."""

    since: str | None = None
    history: str | None = None
    labels: Labels | None = None
    track_opens: bool | None = None
    track_links: bool | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a patch does: the new choice, and a sentence for each part that changes."""

    conditions: Conditions
    sentences: tuple[str, ...]


def change(
    current: Conditions,
    patch: Patch,
    *,
    presets: Presets,
    folders: Sequence[FolderLike],
    synced: bool,
    history_open: bool,
) -> Change:
    """Apply `patch` under the rules P3-P8 and P12.

    `synced`: Sync was pressed. `history_open`: its history has not ended yet.
    Raises RuleRefused with a sentence that says what to send instead; then nothing changes.
    """
    since = _checked_since(current.since if patch.since is None else patch.since, presets)
    history = _checked_history(current, patch, since, synced=synced)
    labels = current.labels
    if patch.labels is not None:
        labels = checked_labels(patch.labels, folders)
    tracking = Tracking(
        opens=current.tracking.opens if patch.track_opens is None else patch.track_opens,
        links=current.tracking.links if patch.track_links is None else patch.track_links,
    )
    wanted = replace(current, since=since, history=history, labels=labels, tracking=tracking)
    return Change(wanted, tuple(_sentences(current, wanted, synced, history_open)))


def revert(current: Conditions, before: Conditions, *, synced: bool, history_open: bool) -> Change:
    """Go back to an earlier choice (P12). Raises RuleRefused where Sync has made it final."""
    if synced and before.history != current.history:
        raise RuleRefused(
            "That change was made before Sync was pressed and its history scope is fixed now: "
            "change the conditions instead."
        )
    if synced and not before.confirmed:
        raise RuleRefused("Sync was pressed since: change the conditions instead.")
    return Change(before, tuple(_sentences(current, before, synced, history_open)))


def _checked_since(since: str | None, presets: Presets) -> str | None:
    if since is not None and since not in presets:
        raise RuleRefused(f"There is no start date {since!r}: send one of {', '.join(presets)}.")
    return since


def _checked_history(
    current: Conditions, patch: Patch, since: str | None, *, synced: bool
) -> History | None:
    history = current.history
    if patch.history is not None:
        try:
            history = History(patch.history)
        except ValueError:
            raise RuleRefused(
                f"There is no history scope {patch.history!r}: send everyone or contacts."
            ) from None
        if synced and history != current.history:
            raise RuleRefused(
                "The history scope belongs to the first history and is fixed once Sync was "
                "pressed. To bring in more, send a re-sync with a start date."
            )
    if since == NOW:
        if patch.history is not None:
            raise RuleRefused(
                "With the start date now there is no history, so it takes no history scope: "
                "leave history out, or send a start date such as 1m with it."
            )
        return None
    if since is None and patch.history is not None:
        raise RuleRefused(
            "A history scope needs a start date: send since (such as 3m) together with history."
        )
    if since is not None and history is None:
        raise RuleRefused(
            f"The start date {since} needs a history scope: send history: everyone or "
            "history: contacts with it (or since: now for no history)."
        )
    return history


def _sentences(
    before: Conditions, after: Conditions, synced: bool, history_open: bool
) -> Iterable[str]:
    if before.since != after.since:
        yield _since_sentence(after.since or NOW, synced, history_open)
    if before.history != after.history and after.history is not None:
        yield f"history of {after.history}: decided when Sync is pressed."
    if before.labels != after.labels:
        yield from _label_sentences(before.labels, after.labels, synced)
    for name in ("opens", "links"):
        now_on = getattr(after.tracking, name)
        if getattr(before.tracking, name) != now_on:
            yield f"tracking of {name} {'on' if now_on else 'off'}: for mail sent from now on."


def _since_sentence(since: str, synced: bool, history_open: bool) -> str:
    if not synced:
        return f"start date {since}: counted back from the moment Sync is pressed."
    if history_open:
        return f"start date {since}: the history under way ends there; nothing deleted."
    return (
        f"start date {since}: the history has already come in, so nothing is fetched or deleted; "
        "send a re-sync to bring in older mail."
    )


def _label_sentences(before: Labels, after: Labels, synced: bool) -> Iterable[str]:
    when = "from now on; nothing deleted" if synced else "from Sync on"
    if before == ALL or after == ALL:
        if after == ALL:
            yield f"all labels (without Drafts, Junk and Trash): {when}."
        else:
            yield f"only {', '.join(after)}: {when}."
        return
    for name in after:
        if name not in before:
            yield f"label {name} added: {when}."
    for name in before:
        if name not in after:
            yield f"label {name} removed: {when}."


# --- re-sync -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Resync:
    """A checked request to go through history once more (P13)."""

    since: str
    labels: Labels


def checked_resync(
    current: Conditions,
    *,
    since: str,
    labels: Labels | None,
    history: str | None,
    presets: Presets,
    folders: Sequence[FolderLike],
    synced: bool,
) -> Resync:
    """Check a re-sync. Raises RuleRefused with what to send instead (P7, P13)."""
    if not synced:
        raise RuleRefused("Nothing was synced yet: press Sync first (inboxctl sync).")
    if history == History.CONTACTS:
        raise RuleRefused(
            "A re-sync takes all mail of its labels: the scope contacts exists only for the first "
            "history, whose contacts are those of that moment. Send the re-sync without history."
        )
    if history not in (None, History.EVERYONE):
        raise RuleRefused(
            f"There is no history scope {history!r}: leave history out of a re-sync."
        )
    if _checked_since(since, presets) == NOW:
        older = ", ".join(name for name in presets if name != NOW)
        raise RuleRefused(f"A re-sync from now would bring nothing: send one of {older}.")
    return Resync(since, current.labels if labels is None else checked_labels(labels, folders))


def start_of_history(
    since: str, *, pressed_at: datetime, zone: tzinfo, presets: Presets
) -> datetime | None:
    """The first moment of the history as aware UTC, or None for `now` (P3, P4)."""
    period = presets[since]
    return None if period is None else period.before(pressed_at, zone)
