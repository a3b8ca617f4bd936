"""What of a history is wanted, and in which steps it is fetched (P3, P5, P6, P7, P10, P12)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.model.conditions import History
from inboxd.model.ids import AddressKey, Uid
from inboxd.model.server import Metadata, UidSet
from inboxd.store.ledger import Reason
from inboxd.sync.plan import Bounds, Rules, fetches, steps

PRESSED = datetime(2026, 6, 1, 12, tzinfo=UTC)
START = PRESSED - timedelta(days=90)
SECOND = timedelta(seconds=1)


def rules(history: History = History.EVERYONE) -> Rules:
    return Rules(START, PRESSED, history, frozenset({AddressKey("ann@x.org")}), 1_000_000)


def mail(uid: int = 1, size: int = 100, date: datetime = PRESSED - timedelta(days=1)) -> Metadata:
    return Metadata(Uid(uid), size, date)


METADATA = st.dictionaries(
    st.integers(1, 500), st.integers(1, 5_000), min_size=1, max_size=120
).map(lambda sizes: [mail(uid, size) for uid, size in sizes.items()])


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (START, None),
        (START - SECOND, Reason.BEFORE_START),
        (PRESSED + timedelta(days=1), None),
    ],
)
def test_the_start_date_decides_by_internaldate_to_the_second(
    date: datetime, expected: Reason | None
) -> None:
    """P3."""
    assert rules().by_metadata(mail(date=date)) is expected


def test_what_is_larger_than_the_limit_is_left_out_with_that_reason() -> None:
    assert rules().by_metadata(mail(size=1_000_001)) is Reason.TOO_LARGE
    assert rules().by_metadata(mail(size=1_000_000)) is None


@pytest.mark.parametrize(
    ("history", "date", "expected"),
    [
        (History.CONTACTS, PRESSED - SECOND, True),
        (History.CONTACTS, PRESSED, False),
        (History.EVERYONE, PRESSED - SECOND, False),
    ],
)
def test_people_are_asked_for_in_a_history_of_contacts_only(
    history: History, date: datetime, expected: bool
) -> None:
    """P6, and P7: what came since Sync was pressed is future mail."""
    assert rules(history).asks_for_people(mail(date=date)) is expected


def test_one_contact_among_many_people_is_enough() -> None:
    """P6."""
    strangers = [AddressKey("eve@x.org"), AddressKey("mallory@x.org")]
    assert rules().by_people(strangers) is Reason.NOT_A_CONTACT
    assert rules().by_people([*strangers, AddressKey("ann@x.org")]) is None
    assert rules().by_people([]) is Reason.NOT_A_CONTACT


@given(METADATA, st.sets(st.integers(1, 500)), st.integers(1, 8_000), st.integers(1, 30))
def test_steps_hold_every_message_once_newest_first_within_their_bounds(
    metadata: list[Metadata], unwanted: set[int], most_bytes: int, most_messages: int
) -> None:
    """P10."""
    window = UidSet.span(1, 500)
    left_out = {one.uid: Reason.BEFORE_START for one in metadata if one.uid in unwanted}
    cut = list(steps(window, metadata, left_out, Bounds(most_bytes, most_messages)))
    wanted = [one.uid for step in cut for one in step.wanted]
    assert wanted == sorted((m.uid for m in metadata if m.uid not in left_out), reverse=True)
    assert {uid for step in cut for uid, _ in step.skipped} == left_out.keys()
    for step in cut:
        assert len(step.wanted) <= most_messages
        assert step.size <= most_bytes or len(step.wanted) == 1


@given(METADATA, st.integers(1, 8_000), st.integers(1, 30))
def test_a_cursor_never_passes_a_message_that_has_no_outcome_yet(
    metadata: list[Metadata], most_bytes: int, most_messages: int
) -> None:
    """P10: a crash between two steps loses nothing."""
    window = UidSet.span(1, 500)
    decided: set[int] = set()
    cursor = 501
    for step in steps(window, metadata, {}, Bounds(most_bytes, most_messages)):
        decided |= {one.uid for one in step.wanted}
        assert step.cursor <= cursor
        cursor = step.cursor
        assert {one.uid for one in metadata if one.uid >= cursor} <= decided
    assert cursor == 1


@given(METADATA, st.integers(1, 8_000), st.integers(1, 30))
def test_fetches_hold_every_message_once_oldest_first(
    metadata: list[Metadata], most_bytes: int, most_messages: int
) -> None:
    cut = list(fetches(metadata, Bounds(most_bytes, most_messages)))
    assert [one.uid for some in cut for one in some] == sorted(one.uid for one in metadata)
    assert all(len(some) <= most_messages for some in cut)
