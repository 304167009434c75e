from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.evaluation.average_precision import (
    THRESHOLDS,
    Counts,
    count_hits,
    mean_dsb,
)
from napari_probinst.core.instances import InstanceSet

SHAPE = (8, 40)


def _bar(row, start, stop):
    mask = np.zeros(SHAPE, bool)
    mask[row, start:stop] = True
    return mask


def _set(*bars):
    return InstanceSet.from_masks([_bar(*bar) for bar in bars], SHAPE)


TRUTH = _set((0, 0, 20), (2, 0, 20), (4, 0, 20))


def test_thresholds_are_those_of_the_benchmark():
    assert THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def test_a_perfect_prediction():
    counts = count_hits(TRUTH, TRUTH)
    assert set(counts.values()) == {Counts(3, 0, 0)}
    assert mean_dsb([counts]) == 1.0


def test_hand_drawn():
    # IoU 1, 16/20 = 0.8 and 9/20 = 0.45, and a false positive of its own.
    predicted = _set((0, 0, 20), (2, 0, 16), (4, 0, 9), (6, 0, 20))
    counts = count_hits(predicted, TRUTH)
    for threshold in THRESHOLDS:
        hits = 2 if threshold < 0.8 else 1
        assert counts[threshold] == Counts(hits, 4 - hits, 3 - hits), threshold
    # TP / (TP + FP + FN): 2 / 5 at six thresholds, 1 / 6 at four.
    assert mean_dsb([counts]) == pytest.approx((6 * 2 / 5 + 4 * 1 / 6) / 10)


def test_a_false_split_and_a_false_merge():
    split = _set((0, 0, 11), (0, 11, 20), (2, 0, 20), (4, 0, 20))
    assert count_hits(split, TRUTH)[0.5] == Counts(3, 1, 0)
    assert count_hits(split, TRUTH)[0.55] == Counts(2, 2, 1)
    merged = InstanceSet.from_masks([_bar(0, 0, 20) | _bar(2, 0, 20), _bar(4, 0, 20)], SHAPE)
    # A merge of two of one size has the IoU 0.5 with either, which is no hit.
    assert count_hits(merged, TRUTH)[0.5] == Counts(1, 1, 2)


def test_empty_instances_do_not_count():
    with_empty = InstanceSet.from_masks([_bar(0, 0, 20), _bar(0, 0, 0)], SHAPE)
    assert count_hits(with_empty, TRUTH)[0.5] == Counts(1, 0, 2)
    assert count_hits(TRUTH, with_empty)[0.5] == Counts(1, 2, 0)


@pytest.mark.parametrize(
    ("predicted", "truth", "expected", "dsb"),
    [
        (_set(), _set(), Counts(0, 0, 0), 1.0),
        (_set(), TRUTH, Counts(0, 0, 3), 0.0),
        (TRUTH, _set(), Counts(0, 3, 0), 0.0),
    ],
)
def test_nothing_predicted_or_nothing_there(predicted, truth, expected, dsb):
    counts = count_hits(predicted, truth)
    assert set(counts.values()) == {expected}
    assert mean_dsb([counts]) == dsb


def test_the_mean_is_over_images_first():
    one_worm = count_hits(_set((0, 0, 20)), _set((0, 0, 20)))
    none_of_three = count_hits(_set(), TRUTH)
    assert mean_dsb([one_worm, none_of_three]) == pytest.approx(0.5)  # not 1 / 4


def test_ratios():
    counts = Counts(3, 1, 2)
    assert counts.dsb == pytest.approx(3 / 6)
    assert counts.precision == pytest.approx(3 / 4)
    assert counts.recall == pytest.approx(3 / 5)
    assert Counts(0, 0, 0).precision == Counts(0, 0, 0).recall == 1.0
    assert counts + Counts(1, 0, 5) == Counts(4, 1, 7)
