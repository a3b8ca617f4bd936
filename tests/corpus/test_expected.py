"""Fields of real messages, held against what their sources say is right."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from corpus import expected
from corpus.expected import READERS, Case
from corpus.known import KNOWN
from inboxd.mime.parse import PROBLEMS, parse

SHARE = 0.98
"""Of the fields that a source has right itself, so many are read alike."""

SECONDS = 1
"""Of a processor, for one message: the slowest needs a fiftieth of it."""


@pytest.fixture(scope="module")
def cases(corpus: Path, summary: list[str]) -> list[Case]:
    found = list(expected.cases(corpus))
    summary += expected.table(expected.scores(found, KNOWN))
    wrong = [(one, KNOWN.get(one.key)) for one in found if not one.right]
    summary += [f"{one.file} {one.field}: {reason or 'NOT KNOWN'}" for one, reason in wrong]
    return found


@pytest.mark.parametrize("source", READERS)
def test_nearly_every_field_is_read_as_its_source_has_it(source: str, cases: list[Case]) -> None:
    score = expected.scores(cases, KNOWN)[source]
    assert score.share() >= SHARE


def test_every_field_that_is_read_otherwise_is_known_with_a_reason(cases: list[Case]) -> None:
    unknown = [one for one in cases if not one.right and one.key not in KNOWN]
    assert unknown == []


def test_nothing_that_is_known_to_differ_is_read_alike_by_now(cases: list[Case]) -> None:
    wrong = {one.key for one in cases if not one.right}
    assert {key for key in KNOWN if key[1] != "thread"} - wrong == set()


def test_no_field_is_compared_twice(cases: list[Case]) -> None:
    """So a reason excuses nothing else."""
    keys = [one.key for one in cases]
    assert len(set(keys)) == len(keys)


def test_every_reason_says_whose_doing_it_is() -> None:
    assert [one for one in KNOWN.values() if not one.startswith(("Ours: ", "Theirs: "))] == []


def test_every_real_message_is_read_in_a_moment_and_its_oddities_have_names(corpus: Path) -> None:
    paths = sorted((corpus / "open").rglob("*.eml"))
    assert len(paths) > 2_000
    for path in paths:
        raw = path.read_bytes()
        started = time.process_time()
        found = parse(raw)
        assert time.process_time() - started < SECONDS, path
        assert set(found.problems) <= PROBLEMS.keys(), path
