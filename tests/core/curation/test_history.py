"""The history of steps, and the peaks it looks back on."""

from __future__ import annotations

import pytest

from napari_probinst.core.curation.delta import Delta
from napari_probinst.core.curation.history import DecisionStep, EditStep, History


def accept(peak):
    return DecisionStep(peak, None, "accepted")


def test_new_step_forgets_undone_ones():
    history = History()
    for peak in range(3):
        history.push(accept(peak))
    assert history.undo() == accept(2)
    assert history.undo() == accept(1)
    assert history.redo() == accept(1)
    assert (history.last, history.next) == (accept(1), accept(2))
    history.push(accept(9))
    assert history.next is None
    assert history.done == (accept(0), accept(1), accept(9))


def test_empty_history_has_nothing_to_move():
    for move in (History().undo, History().redo):
        with pytest.raises(IndexError):
            move()


def test_recent_peaks_are_finished_ones_latest_first():
    history = History()
    for step in (
        accept(4),
        EditStep("merge", {}, 1, Delta(())),
        accept(1),
        DecisionStep(2, None, "skipped"),
        DecisionStep(4, "accepted", None),
        EditStep("add", {}, None, Delta(())),
        DecisionStep(3, None, "flagged"),
    ):
        history.push(step)
    assert history.recent_peaks(10) == (3, 1, 4)
    assert history.recent_peaks(2) == (3, 1)


def test_summaries_suit_a_button():
    assert accept(3).summary == "peak 4 accepted"
    assert DecisionStep(3, "accepted", None).summary == "peak 4 open again"
