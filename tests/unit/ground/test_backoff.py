"""P20: a temporary failure is retried for ever with growing pauses."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.backoff import FIRST_SPREAD, Backoff

SEEDS = st.integers()
FIRST = st.floats(min_value=0.01, max_value=100, allow_nan=False)
FACTOR = st.floats(min_value=1, max_value=1000, allow_nan=False)


@given(first=FIRST, factor=FACTOR, seed=SEEDS, tries=st.integers(min_value=1, max_value=60))
def test_every_pause_lies_between_the_first_and_the_most(
    first: float, factor: float, seed: int, tries: int
) -> None:
    backoff = Backoff(first, first * factor, Random(seed))
    assert all(first <= backoff.next() <= first * factor for _ in range(tries))


@given(seed=SEEDS)
def test_the_first_pause_is_about_two_seconds(seed: int) -> None:
    assert 2 <= Backoff(2, 300, Random(seed)).next() <= 2 * FIRST_SPREAD


@given(seed=SEEDS)
def test_a_pause_never_reaches_beyond_twice_what_the_one_before_could(seed: int) -> None:
    backoff = Backoff(2, 300, Random(seed))
    ceiling = 2 * FIRST_SPREAD
    for _ in range(12):
        assert backoff.next() <= ceiling
        ceiling *= 2


def test_pauses_grow_to_minutes_and_stay_there() -> None:
    backoff = Backoff(2, 300, Random(1))
    pauses = [backoff.next() for _ in range(400)]
    mean = sum(pauses[20:]) / len(pauses[20:])
    assert 130 < mean < 170
    assert max(pauses) > 290


def test_two_accounts_cut_off_together_do_not_come_back_together() -> None:
    random = Random(2)
    first, second = Backoff(2, 300, random), Backoff(2, 300, random)
    assert [first.next() for _ in range(5)] != [second.next() for _ in range(5)]


@given(seed=SEEDS, tries=st.integers(min_value=0, max_value=50))
def test_reset_starts_over(seed: int, tries: int) -> None:
    backoff = Backoff(2, 300, Random(seed))
    for _ in range(tries):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 2 * FIRST_SPREAD


def test_ten_thousand_failures_are_not_too_many() -> None:
    backoff = Backoff(2, 300, Random(3))
    assert all(backoff.next() <= 300 for _ in range(10_000))


@pytest.mark.parametrize(("first", "most"), [(0, 300), (-1, 300), (10, 2)])
def test_pauses_that_make_no_sense_are_refused(first: float, most: float) -> None:
    with pytest.raises(ValueError, match="0 < first_seconds <= most_seconds"):
        Backoff(first, most, Random(1))
