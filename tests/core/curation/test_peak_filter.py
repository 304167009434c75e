"""Filters of the queue: what passes, and what walking passes over."""

from __future__ import annotations

import math
from itertools import product

import pytest

from napari_probinst.core.curation.peak_filter import STATUSES, PeakFilter
from napari_probinst.core.curation.review import ReviewQueue
from napari_probinst.core.inference.jitter import jitter_mass
from napari_probinst.core.instances import Peak

OPEN = PeakFilter(statuses=frozenset({"open"}))
EVERYTHING = PeakFilter(statuses=frozenset(STATUSES))


def make_queue(*peaks):
    """Queue of peaks (kind, mass); peak i is about instance i alone."""
    return ReviewQueue(
        [
            Peak(0, 0, (index,), 0.5, mass, index + 1, kind, "")
            for index, (kind, mass) in enumerate(peaks)
        ]
    )


@pytest.fixture
def queue():
    """One peak a status: accepted, touched, skipped, open, flagged."""
    queue = make_queue(
        ("merge", 9), ("contour", 8), ("split", 7), ("contour", 3), ("something new", 1)
    )
    queue.decide(0, "accepted")
    queue.count_edit((2,), None)
    queue.decide(2, "skipped")
    queue.decide(4, "flagged")
    return queue


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (PeakFilter(), [0, 2, 3, 4]),
        (EVERYTHING, [0, 1, 2, 3, 4]),
        (OPEN, [3]),
        (PeakFilter(kinds=frozenset({"merge", "contour"})), [0, 3]),
        (PeakFilter(kinds=frozenset({"something new"})), [4]),
        (PeakFilter(kinds=frozenset()), []),
        (PeakFilter(statuses=frozenset()), []),
        # Only outlines are jitter: the last peak has even less mass.
        (PeakFilter(least_contour_mass=3.5), [0, 2, 4]),
        (PeakFilter(least_contour_mass=3), [0, 2, 3, 4]),
    ],
)
def test_passing(queue, chosen, expected):
    assert [peak for peak, passes in enumerate(queue.passing(chosen)) if passes] == expected


def test_walk_goes_only_to_what_passes(queue):
    contours = PeakFilter(kinds=frozenset({"contour"}), statuses=frozenset(STATUSES))
    assert (queue.next(0, contours), queue.next(1, contours), queue.next(3, contours)) == (
        1,
        3,
        None,
    )
    assert (queue.previous(4, contours), queue.previous(1, contours)) == (3, None)
    # From a place that doesn't pass itself, too.
    assert (queue.next(2, OPEN), queue.previous(4, OPEN), queue.next(3, OPEN)) == (3, 3, None)


def test_every_walk_is_what_a_plain_loop_finds(queue):
    filters = [PeakFilter(), EVERYTHING, OPEN, PeakFilter(least_contour_mass=5)]
    for chosen, position in product(filters, range(5)):
        passing = queue.passing(chosen)
        after = [peak for peak in range(position + 1, 5) if passing[peak]]
        before = [peak for peak in range(position) if passing[peak]]
        assert queue.next(position, chosen) == (after[0] if after else None)
        assert queue.previous(position, chosen) == (before[-1] if before else None)


def test_next_open_stays_within_the_filter_and_begins_again():
    queue = make_queue(("merge", 4), ("contour", 3), ("merge", 2), ("contour", 1))
    merges = PeakFilter(kinds=frozenset({"merge"}))
    assert queue.next_open(0, merges) == 2
    assert queue.next_open(3, merges) == 0
    queue.decide(0, "accepted")
    assert queue.next_open(2, merges) is None
    assert queue.next_open(2) == 3


def test_skipped_ones_can_be_gone_through_again():
    queue = make_queue(("merge", 2), ("merge", 1), ("merge", 1))
    for peak in range(3):
        queue.decide(peak, "skipped")
    skipped = PeakFilter(statuses=frozenset({"skipped"}))
    assert queue.next_open(0) is None
    assert queue.next_open(0, skipped) == 1
    queue.decide(1, "accepted")
    assert queue.next_open(1, skipped) == 2


def test_open_peaks_are_counted(queue):
    assert (queue.n_open(), queue.n_open(EVERYTHING)) == (1, 1)
    assert queue.n_open(PeakFilter(kinds=frozenset({"merge"}))) == 0


def test_queue_without_peaks():
    queue = make_queue()
    assert queue.passing(EVERYTHING).tolist() == []
    assert queue.next_open(0, OPEN) is None
    assert queue.n_open(OPEN) == 0


def test_states_are_a_copy(queue):
    states = queue.states()
    assert [STATUSES[state] for state in states] == [
        "accepted",
        "touched",
        "skipped",
        "open",
        "flagged",
    ]
    states[:] = 0
    assert queue.status(0) == "accepted"


def test_jitter_is_less_than_a_patch_in_full_doubt():
    assert jitter_mass(4) == pytest.approx(16 * math.log(2))
    assert jitter_mass(1) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("n_peaks", "decided", "edited", "may_stop"),
    [
        (12, 9, 0, False),
        (12, 10, 0, True),
        (12, 10, 1, True),
        (12, 10, 2, False),
        # Half of the entropy mass must be reviewed.
        (20, 10, 0, True),
        (21, 10, 0, False),
    ],
)
def test_stop_is_offered_when_ten_needed_hardly_an_edit(n_peaks, decided, edited, may_stop):
    queue = make_queue(*[("merge", 1.0)] * n_peaks)
    for peak in range(edited):
        queue.count_edit((peak + 1,), peak)
    for peak in range(decided):
        queue.decide(peak, "accepted")
    assert queue.statistics(recent=range(decided)).may_stop is may_stop
