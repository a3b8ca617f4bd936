"""Which choice of labels each message came in under (P12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.model.conditions import Conditions
from inboxd.model.ids import FolderName, Uid
from inboxd.model.labels import Labels
from inboxd.model.server import Metadata, SpecialUse
from inboxd.model.views import JournalEntry
from inboxd.sync.borders import SERVER, Border, border, eras

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = ("INBOX", "Sales", "Support")


@dataclass(frozen=True)
class Listed:
    name: FolderName
    separator: str = "/"
    special_use: SpecialUse | None = None
    selectable: bool = True
    labelled: bool = False


FOLDERS = tuple(Listed(FolderName(name)) for name in NAMES)
SALES = FOLDERS[1]


def change(
    number: int, at: datetime, before: Labels, after: Labels, caller: str = "uid 1000"
) -> JournalEntry:
    return JournalEntry(
        number, at, caller, Conditions(labels=before), Conditions(labels=after), ()
    )


def history(choices: list[Labels]) -> list[JournalEntry]:
    """One change an hour, from the first choice on."""
    return [
        change(number, START + number * HOUR, before, after)
        for number, (before, after) in enumerate(pairwise(choices), start=1)
    ]


def mail(uid: int, at: datetime) -> Metadata:
    return Metadata(Uid(uid), 100, at)


def of(choices: list[Labels], below: int = 100) -> Border | None:
    changes = history(choices)
    return border(SALES, Uid(below), eras(changes, choices[-1], FOLDERS), len(changes))


def test_a_label_taken_off_and_put_back_leaves_out_what_came_between() -> None:
    """P12: as at a pause, when nobody looked in between."""
    found = of([("INBOX", "Sales"), ("INBOX",), "all"])
    assert found is not None
    assert found.stays
    taken = [found.takes(mail(uid, START + uid * HOUR / 2)) for uid in (1, 3, 5)]
    assert taken == [True, False, True]


def test_a_label_that_was_chosen_for_a_while_gives_the_mail_of_that_while() -> None:
    """P12."""
    found = of([("INBOX",), ("Sales",), ("INBOX",)])
    assert found is not None
    assert not found.stays
    reached = found.reached([mail(uid, START + uid * HOUR / 2) for uid in (1, 3, 5)])
    assert [one.uid for one in reached] == [1, 3], "what came later is out of scope"
    assert [found.takes(one) for one in reached] == [False, True]


@pytest.mark.parametrize("choices", [[("INBOX",), "all", "all"], [("Sales",), ("INBOX", "Sales")]])
def test_what_came_after_the_look_goes_by_the_present_choice(choices: list[Labels]) -> None:
    found = of(choices, below=10)
    assert found is None or found.takes(mail(10, START - HOUR)) is found.stays


@pytest.mark.parametrize("choices", [[("Sales",), "all"], [("INBOX",), ("Support",)]])
def test_a_folder_that_no_change_concerns_has_no_border(choices: list[Labels]) -> None:
    assert of(choices) is None


@pytest.mark.parametrize(
    ("milliseconds", "taken"), [(-1000, False), (0, True), (999, True), (1000, True)]
)
def test_in_the_second_of_a_change_both_sides_are_taken(milliseconds: int, *, taken: bool) -> None:
    """P12: INTERNALDATE has whole seconds."""
    at = START + HOUR + timedelta(milliseconds=400)
    put_on = [change(1, at, ("INBOX",), ("Sales",))]
    found = border(SALES, Uid(100), eras(put_on, ("Sales",), FOLDERS), 1)
    whole_second = START + HOUR + timedelta(milliseconds=milliseconds)
    assert found is not None
    assert found.takes(mail(1, whole_second)) is taken


def test_a_renamed_label_was_chosen_under_its_old_name() -> None:
    """P12: mail of before the renaming was chosen too."""
    changes = [
        change(1, START + HOUR, ("Leads",), ("INBOX", "Leads")),
        change(2, START + 2 * HOUR, ("INBOX", "Leads"), ("INBOX", "Sales"), SERVER),
        change(3, START + 3 * HOUR, ("INBOX", "Sales"), ("INBOX",)),
    ]
    found = border(SALES, Uid(100), eras(changes, ("INBOX",), FOLDERS), 3)
    assert found is not None
    assert [found.takes(mail(uid, START + uid * HOUR / 2)) for uid in (1, 3, 5, 7)] == [
        True,
        True,
        True,
        False,
    ]


CHOICES = st.one_of(
    st.just("all"), st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple)
)


@given(st.lists(CHOICES, min_size=2, max_size=8), st.integers(0, 40))
def test_a_message_is_taken_where_its_label_was_chosen_when_it_came(
    choices: list[Labels], quarter: int
) -> None:
    """P12, for any row of changes."""
    at = START + quarter * HOUR / 4 + timedelta(minutes=2)
    then = choices[min(len(choices) - 1, quarter // 4)]
    found = of(choices)
    # Without a border all choices take the same.
    taken = has_sales(choices[0]) if found is None else found.takes(mail(1, at))
    assert taken is has_sales(then)


def has_sales(labels: Labels) -> bool:
    return labels == "all" or "Sales" in labels
