"""Expected finds: by hand, and averaged over every order."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.evaluation.ties import expected_among_highest


def test_without_ties_it_counts():
    score, wanted = np.array([0.1, 0.9, 0.5]), np.array([True, False, True])
    assert expected_among_highest(score, wanted, np.arange(4)).tolist() == [0, 0, 1, 2]


def test_within_a_tie_it_is_linear():
    score, wanted = np.array([1.0, 0, 0, 0, 0]), np.array([False, True, False, True, False])
    taken = np.array([1, 2, 3, 4.5, 5])
    assert expected_among_highest(score, wanted, taken).tolist() == [0, 0.5, 1, 1.75, 2]


def test_nothing_to_take():
    nothing = expected_among_highest(np.zeros(0), np.zeros(0, bool), np.array([0.0]))
    assert nothing.tolist() == [0]


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.booleans()), max_size=5))
def test_mean_over_all_orders(items):
    score = np.array([each[0] for each in items])
    wanted = np.array([each[1] for each in items], dtype=bool)
    counts = []
    for order in permutations(range(len(items))):
        ranked = sorted(order, key=lambda index: -score[index])
        counts.append(np.append(0, np.cumsum(wanted[ranked])))
    found = expected_among_highest(score, wanted, np.arange(len(items) + 1))
    assert found == pytest.approx(np.mean(counts, axis=0))
