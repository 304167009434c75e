"""The queue: walking, states and statistics, with none, one and very many peaks."""

from __future__ import annotations

import pytest

from napari_probinst.core.curation.review import ReviewQueue
from napari_probinst.core.instances import Peak


def make_queue(*instances, mass=1.0):
    return ReviewQueue(
        [
            Peak(0, 0, ids, 0.5, mass=mass, rank=rank, kind="merge", reason="")
            for rank, ids in enumerate(instances, start=1)
        ]
    )


def test_peak_is_touched_once_all_its_instances_are():
    queue = make_queue((0, 1), (1,), (2,))
    assert queue.count_edit((2,), None) == (1,)
    assert [queue.status(peak) for peak in range(3)] == ["open", "touched", "open"]
    assert queue.count_edit((1, 2), None) == (0,)
    assert queue.count_edit((1, 2), None, undone=True) == (0,)
    assert queue.status(1) == "touched"
    assert queue.count_edit((2,), None, undone=True) == (1,)
    assert queue.status(1) == "open"


def test_decision_counts_for_more_than_an_edit():
    queue = make_queue((0,))
    queue.count_edit((1,), 0)
    queue.decide(0, "accepted")
    assert queue.status(0) == "accepted"
    assert queue.decision(0) == "accepted"
    queue.decide(0, None)
    assert queue.status(0) == "touched"
    assert queue.decision(0) is None


def test_peak_without_instances_is_open():
    queue = make_queue(())
    queue.count_edit((1,), None)
    assert queue.status(0) == "open"


def test_walk_passes_over_touched_peaks_both_ways():
    queue = make_queue((0,), (1,), (2,), (3,))
    queue.decide(2, "accepted")
    queue.count_edit((2,), None)
    assert (queue.next(0), queue.next(2), queue.next(3)) == (2, 3, None)
    assert (queue.previous(3), queue.previous(2), queue.previous(0)) == (2, 0, None)
    # One that was visited can be looked at again, though an edit has settled it.
    assert queue.previous(2, visited=(1,)) == 1


def test_open_peaks_are_offered_until_none_is_left():
    queue = make_queue((0,), (1,), (2,))
    queue.decide(2, "skipped")
    assert queue.next_open(1) == 0
    queue.decide(0, "flagged")
    assert queue.next_open(1) is None
    queue.decide(1, "accepted")
    assert queue.next_open(1) is None


@pytest.mark.parametrize("n_peaks", [0, 1])
def test_shortest_queues(n_peaks):
    queue = make_queue(*[(0,)] * n_peaks)
    assert queue.next(0) is None
    assert queue.previous(0) is None
    assert queue.next_open(0) is None
    assert queue.statistics().total == n_peaks


def test_statistics_count_states_and_mass():
    queue = ReviewQueue(
        [Peak(0, 0, (i,), 0.5, 2.0**-i, i + 1, "split", "") for i in range(5)]  # 1, 1/2, ... 1/16
    )
    queue.decide(0, "accepted")
    queue.decide(1, "skipped")
    queue.decide(2, "flagged")
    queue.count_edit((4,), 3)
    found = queue.statistics(recent=(3, 2, 0))
    assert (found.open, found.accepted, found.skipped, found.flagged, found.touched) == (1,) * 5
    assert (found.total, found.reviewed) == (5, 3)
    assert found.mass_share == (1 + 1 / 4 + 1 / 8) / (31 / 16)
    assert (found.recent, found.recent_edited) == (3, 1)


def test_no_mass_is_all_reviewed():
    assert make_queue().statistics().mass_share == 1.0
    assert make_queue((0,), mass=0.0).statistics().mass_share == 1.0


def test_many_peaks_of_one_instance():
    queue = make_queue(*[(0, peak + 1) for peak in range(20_000)])
    assert queue.next(19_998) == 19_999
    assert queue.count_edit((1,), None) == ()
    assert queue.count_edit((20_001,), None) == (19_999,)
    assert queue.next(19_998) is None
    assert queue.statistics().touched == 1
