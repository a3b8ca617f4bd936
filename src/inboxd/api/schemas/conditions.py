"""What is chosen for an account, and its changes."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from inboxd.api.schemas.base import Answer, Labels, PageOf, Request
from inboxd.model import conditions as rules
from inboxd.model import labels as chosen
from inboxd.model.conditions import History


class Tracking(Answer):
    """Whether sent mail tells of opens and clicks unless a message says else."""

    opens: bool
    links: bool


class Conditions(Answer):
    """What was chosen for an account (P2)."""

    since: str | None = Field(
        examples=["3m"], description="The start date by its name; null until it is confirmed."
    )
    history: History | None = Field(description="Whose history comes in (P5); null with `now`.")
    labels: Labels = Field(examples=["all", ["INBOX", "Projects/*"]])
    tracking: Tracking


class ConditionsChanged(Conditions):
    """The conditions after a change, and what the change does (P12)."""

    changes: list[str] = Field(examples=[["label Sales added: from now on; nothing deleted."]])

    @classmethod
    def of(cls, change: rules.Change) -> ConditionsChanged:
        """Spell a change."""
        return cls(
            **Conditions.model_validate(change.conditions).model_dump(),
            changes=list(change.sentences),
        )


class TrackingPatch(Request):
    """The kinds of tracking to change."""

    opens: bool | None = None
    links: bool | None = None


class ConditionsPatch(Request):
    """The parts of the conditions to change; what is left out (or null) stays."""

    since: str | None = Field(default=None, examples=["now", "1m", "3m", "6m", "1y"])
    history: str | None = Field(default=None, examples=["everyone", "contacts"])
    labels: Labels | None = Field(default=None, examples=["all", ["INBOX", "Sales"]])
    tracking: TrackingPatch | None = None

    def as_patch(self) -> rules.Patch:
        """The same as the rules take it."""
        tracking = self.tracking or TrackingPatch()
        return rules.Patch(
            since=self.since,
            history=self.history,
            labels=labels_of(self.labels),
            track_opens=tracking.opens,
            track_links=tracking.links,
        )


class Resync(Request):
    """From when, and of which labels, history is gone through once more (P13)."""

    since: str = Field(examples=["6m"])
    labels: Labels | None = Field(
        default=None, description="All of the conditions where it is left out."
    )
    history: str | None = Field(
        default=None, description="Leave it out: a re-sync takes all mail of its labels (P7)."
    )


class JournalEntry(Answer):
    """One change of the conditions."""

    id: int
    at: datetime
    caller: str = Field(examples=["uid 1000"])
    before: Conditions
    after: Conditions
    sentences: list[str]


class Journal(PageOf[JournalEntry]):
    """The changes of an account's conditions."""


def labels_of(labels: Labels | None) -> chosen.Labels | None:
    """A choice of labels as the rules take it."""
    return tuple(labels) if isinstance(labels, list) else labels
