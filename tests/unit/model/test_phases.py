"""The life of an account as one pure function."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inboxd.model.phases import Phase, PhaseEvent, advance, at_rest

phases = st.sampled_from(Phase)
events = st.sampled_from(PhaseEvent)
resting = st.sampled_from([Phase.NEW, Phase.READY, Phase.BACKFILLING, Phase.LIVE])


def test_an_account_goes_from_new_to_live() -> None:
    """P2, P10, P11."""
    assert at_rest(confirmed=False, synced=False, history_open=False) is Phase.NEW
    assert at_rest(confirmed=True, synced=False, history_open=False) is Phase.READY
    assert at_rest(confirmed=True, synced=True, history_open=True) is Phase.BACKFILLING
    assert at_rest(confirmed=True, synced=True, history_open=False) is Phase.LIVE


@given(events, resting)
def test_removal_is_final(event: PhaseEvent, rest: Phase) -> None:
    """P19."""
    assert advance(Phase.REMOVED, event, rest) is Phase.REMOVED


@given(st.lists(events.filter(lambda one: one is not PhaseEvent.RESUME)), resting)
def test_a_pause_outlasts_every_trouble(happened: list[PhaseEvent], rest: Phase) -> None:
    phase = Phase.PAUSED
    for event in happened:
        phase = advance(phase, event, rest)
        assert phase in (Phase.PAUSED, Phase.REMOVED)


@given(phases.filter(lambda one: one is not Phase.REMOVED), resting)
def test_working_again_leads_back_to_rest(phase: Phase, rest: Phase) -> None:
    """P20."""
    event = PhaseEvent.RESUME if phase is Phase.PAUSED else PhaseEvent.CHOSEN
    assert advance(phase, event, rest) is rest


@given(phases, events, resting)
def test_every_event_has_an_answer_in_every_phase(
    phase: Phase, event: PhaseEvent, rest: Phase
) -> None:
    assert isinstance(advance(phase, event, rest), Phase)
