"""Text for a terminal is harmless and aligned whatever strangers wrote."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.cli import text
from unit.api.fake_desk import message
from unit.cli.conftest import Daemon, Inboxctl

HOSTILE = "Offer\x1b[2J\x9b31m\u202egnp.exe\u2066\x07\r\nNext: rm -rf"


@given(st.text())
def test_nothing_that_acts_on_a_terminal_survives(given_text: str) -> None:
    for kept, lines in (
        (text.clean(given_text), False),
        (text.clean(given_text, lines=True), True),
    ):
        allowed = {"\u200d", *("\n\t" if lines else "")}
        assert all(
            one in allowed or unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
            for one in kept
        )


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs", "M"])))
def test_harmless_text_stays_as_it_is(given_text: str) -> None:
    assert text.clean(given_text) == given_text
    assert text.clean(given_text, lines=True) == given_text


@given(st.text(), st.integers(min_value=1, max_value=30))
def test_shortened_text_fits(given_text: str, cells: int) -> None:
    assert text.width(text.shortened(text.clean(given_text), cells)) <= cells


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=5))
def test_a_table_fits_its_terminal_and_its_columns_begin_below_each_other(
    rows: list[tuple[str, str, str]],
) -> None:
    shown = text.table(["A", "B", "C"], rows, fit=40, flexible=(0, 1, 2))
    assert len(shown) == len(rows) + 1
    assert all(text.width(line) <= 40 for line in shown)


def test_wide_characters_take_two_cells() -> None:
    shown = text.table(["NAME", "N"], [["日本", "1"], ["abcd", "2"]])
    assert shown == ["NAME  N", "日本  1", "abcd  2"]


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1400, "1.4 kB"), (5e8, "500.0 MB"), (2e12, "2.0 TB")],
)
def test_sizes_are_for_people(count: float, shown: str) -> None:
    assert text.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59.4, "59 s"), (200, "3 min"), (7500, "2 h 5 min"), (400_000, "4 d")],
)
def test_durations_are_for_people(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


def test_a_hostile_subject_reaches_neither_terminal_nor_the_next_line(
    inboxctl: Inboxctl, daemon: Daemon
) -> None:
    daemon.desk.stored = [message(1, subject=HOSTILE)]
    for words in (["messages"], ["thread", "1"], ["--json", "messages"]):
        shown = inboxctl(*words).stdout
        assert not {"\x1b", "\x9b", "\u202e", "\u2066", "\x07", "\r"} & set(shown)
    assert len(inboxctl("messages").stdout.splitlines()) == 2
