"""The rules of the three conditions: P2-P8, P12, P13."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.model.conditions import (
    DEFAULT_PRESETS,
    Change,
    Conditions,
    History,
    Patch,
    Period,
    change,
    checked_resync,
    revert,
    start_of_history,
)
from inboxd.model.errors import RuleRefused
from inboxd.model.ids import FolderName
from inboxd.model.labels import ALL, Labels, checked_labels, chosen
from inboxd.model.server import SpecialUse


@dataclass(frozen=True)
class Listed:
    name: FolderName
    special_use: SpecialUse | None = None
    separator: str = "/"
    selectable: bool = True
    labelled: bool = False


def folder(name: str, use: SpecialUse | None = None, *, selectable: bool = True) -> Listed:
    return Listed(FolderName(name), use, selectable=selectable)


FOLDERS = [
    folder("INBOX", SpecialUse.INBOX),
    folder("Sent", SpecialUse.SENT),
    folder("Drafts", SpecialUse.DRAFTS),
    folder("Junk", SpecialUse.JUNK),
    folder("Trash", SpecialUse.TRASH),
    folder("Sales"),
    folder("Sales/2024"),
    folder("Sales/2025"),
    folder("Salesforce"),
    folder("Kunden & Freunde"),
    folder("Groups", selectable=False),
    folder("Groups/One"),
]


def changed(
    current: Conditions, patch: Patch, *, synced: bool = False, history_open: bool = False
) -> Change:
    return change(
        current,
        patch,
        presets=DEFAULT_PRESETS,
        folders=FOLDERS,
        synced=synced,
        history_open=history_open,
    )


NEW = Conditions()
SYNCED_NOW = Conditions(since="now")
SYNCED_3M = Conditions(since="3m", history=History.EVERYONE)

ACCEPTED = [
    ("P4: now takes no scope", NEW, Patch(since="now"), Conditions(since="now")),
    (
        "P5: another start takes everyone",
        NEW,
        Patch(since="1m", history="everyone"),
        Conditions(since="1m", history=History.EVERYONE),
    ),
    (
        "P5: another start takes contacts",
        NEW,
        Patch(since="1y", history="contacts"),
        Conditions(since="1y", history=History.CONTACTS),
    ),
    (
        "P5: a scope that was given before need not be repeated",
        SYNCED_3M,
        Patch(since="6m"),
        Conditions(since="6m", history=History.EVERYONE),
    ),
    ("P4: going back to now drops the scope", SYNCED_3M, Patch(since="now"), SYNCED_NOW),
    (
        "P8: labels by name",
        SYNCED_NOW,
        Patch(labels=("Sales", "inbox")),
        Conditions(since="now", labels=("Sales", "INBOX")),
    ),
]

REFUSED = [
    ("P3: an unknown start", NEW, Patch(since="2w"), "1m"),
    ("P5: a scope with now", NEW, Patch(since="now", history="everyone"), "leave history out"),
    ("P5: a start without a scope", NEW, Patch(since="3m"), "history: everyone"),
    ("P5: a scope without a start", NEW, Patch(history="contacts"), "since"),
    ("P5: an unknown scope", NEW, Patch(since="3m", history="friends"), "everyone or contacts"),
    ("P8: no label at all", SYNCED_NOW, Patch(labels=()), "labels: all"),
    ("P8: a label that is not there", SYNCED_NOW, Patch(labels=("Salse",)), "Sales"),
    ("P8: a label that only holds others", SYNCED_NOW, Patch(labels=("Groups",)), "Groups/*"),
]


@pytest.mark.parametrize(("rule", "current", "patch", "expected"), ACCEPTED)
def test_a_choice_within_the_rules_is_taken(
    rule: str, current: Conditions, patch: Patch, expected: Conditions
) -> None:
    assert changed(current, patch).conditions == expected, rule


@pytest.mark.parametrize(("rule", "current", "patch", "hint"), REFUSED)
def test_a_refusal_says_what_to_send_instead(
    rule: str, current: Conditions, patch: Patch, hint: str
) -> None:
    with pytest.raises(RuleRefused) as refused:
        changed(current, patch)
    assert hint in str(refused.value), rule


def test_the_history_scope_is_fixed_once_sync_was_pressed() -> None:
    """P7."""
    with pytest.raises(RuleRefused, match="re-sync"):
        changed(SYNCED_3M, Patch(history="contacts"), synced=True)


def test_a_change_says_what_it_does() -> None:
    """P12."""
    labelled = Conditions(since="now", labels=("INBOX",))
    told = changed(labelled, Patch(labels=("INBOX", "Sales")), synced=True).sentences
    assert told == ("label Sales added: from now on; nothing deleted.",)
    told = changed(labelled, Patch(labels=("Sales",)), synced=True).sentences
    assert "label INBOX removed: from now on; nothing deleted." in told


def test_a_start_date_after_the_history_deletes_and_fetches_nothing() -> None:
    """P12, P13."""
    told = changed(SYNCED_3M, Patch(since="1y"), synced=True).sentences
    assert "re-sync" in told[0]


def test_nothing_chosen_changes_nothing() -> None:
    assert changed(SYNCED_3M, Patch(), synced=True) == Change(SYNCED_3M, ())


def test_a_change_can_be_taken_back() -> None:
    """P12."""
    wider = Conditions(since="3m", history=History.EVERYONE, labels=("Sales",))
    back = revert(wider, SYNCED_3M, synced=True, history_open=False)
    assert back.conditions == SYNCED_3M
    assert back.sentences


def test_what_sync_made_final_is_not_taken_back() -> None:
    """P7."""
    with pytest.raises(RuleRefused):
        revert(SYNCED_3M, NEW, synced=True, history_open=False)


def test_all_labels_leave_out_drafts_junk_and_trash() -> None:
    """P8."""
    names = chosen(ALL, FOLDERS)
    assert names.isdisjoint({"Drafts", "Junk", "Trash", "Groups"})
    assert {"INBOX", "Sent", "Sales", "Groups/One"} <= names


def test_all_labels_include_a_folder_made_later() -> None:
    """P8."""
    assert "New" in chosen(ALL, [*FOLDERS, folder("New")])


LABELS: list[tuple[Labels, set[str]]] = [
    (("Sales",), {"Sales"}),
    (("Sales/*",), {"Sales/2024", "Sales/2025"}),
    (("Sales", "Sales/*"), {"Sales", "Sales/2024", "Sales/2025"}),
    (("Trash",), {"Trash"}),
    (("Groups/*",), {"Groups/One"}),
]


@pytest.mark.parametrize(("labels", "expected"), LABELS)
def test_a_label_names_one_folder_and_a_star_all_below_it(
    labels: Labels, expected: set[str]
) -> None:
    """P8."""
    assert chosen(checked_labels(labels, FOLDERS), FOLDERS) == expected


def test_a_resync_for_contacts_is_refused() -> None:
    """P7."""
    with pytest.raises(RuleRefused, match="first history"):
        checked_resync(
            SYNCED_3M,
            since="1y",
            labels=None,
            history="contacts",
            presets=DEFAULT_PRESETS,
            folders=FOLDERS,
            synced=True,
        )


@pytest.mark.parametrize(("since", "synced"), [("now", True), ("1y", False), ("9y", True)])
def test_a_resync_needs_an_earlier_start_and_a_first_sync(since: str, synced: bool) -> None:
    """P13."""
    with pytest.raises(RuleRefused):
        checked_resync(
            SYNCED_3M,
            since=since,
            labels=None,
            history=None,
            presets=DEFAULT_PRESETS,
            folders=FOLDERS,
            synced=synced,
        )


def test_a_resync_takes_the_chosen_labels_unless_told() -> None:
    """P13."""
    resync = checked_resync(
        Conditions(since="now", labels=("Sales",)),
        since="1y",
        labels=None,
        history=None,
        presets=DEFAULT_PRESETS,
        folders=FOLDERS,
        synced=True,
    )
    assert resync.labels == ("Sales",)


def test_months_are_calendar_months_in_the_owners_time_zone() -> None:
    """P3."""
    pressed = datetime(2025, 3, 31, 10, 0, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    start = start_of_history("1m", pressed_at=pressed, zone=berlin, presets=DEFAULT_PRESETS)
    # 31 March 12:00 in summer time; a month back is 28 February 12:00 in winter time.
    assert start == datetime(2025, 2, 28, 11, 0, tzinfo=UTC)


def test_now_has_no_history() -> None:
    """P4."""
    pressed = datetime(2025, 3, 31, tzinfo=UTC)
    assert start_of_history("now", pressed_at=pressed, zone=UTC, presets=DEFAULT_PRESETS) is None


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 5),
    st.integers(0, 30),
    st.integers(0, 400),
)
def test_a_period_goes_back_by_its_own_length(
    moment: datetime, years: int, months: int, days: int
) -> None:
    """P3."""
    start = Period(years, months, days).before(moment, UTC)
    passed = moment - start
    least = timedelta(days=365 * years + 28 * months + days)
    most = timedelta(days=366 * years + 31 * months + days + 3)
    assert least - timedelta(days=3) <= passed <= most
