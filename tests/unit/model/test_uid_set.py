"""Sets of UIDs behave like Python's own sets, at a fraction of the size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inboxd.model.server import UidSet

uids = st.frozensets(st.integers(1, 60), max_size=40)


@given(uids, uids)
def test_union_intersection_and_difference_agree_with_sets(
    one: frozenset[int], other: frozenset[int]
) -> None:
    left, right = UidSet.of(one), UidSet.of(other)
    assert set(left | right) == one | other
    assert set(left & right) == one & other
    assert set(left - right) == one - other


@given(uids)
def test_length_order_and_text_survive(one: frozenset[int]) -> None:
    packed = UidSet.of(one)
    assert len(packed) == len(one)
    assert list(packed) == sorted(one)
    assert list(reversed(packed)) == sorted(one, reverse=True)
    assert UidSet.parse(str(packed)) == packed
    assert packed.highest == (max(one) if one else None)
    assert all(uid in packed for uid in one)


@given(uids, st.integers(0, 50))
def test_the_newest_are_the_highest(one: frozenset[int], count: int) -> None:
    assert list(UidSet.of(one).newest(count)) == sorted(one)[len(one) - min(count, len(one)) :]


def test_a_million_consecutive_uids_are_one_interval() -> None:
    assert UidSet.span(1, 1_000_000).intervals == ((1, 1_000_000),)
