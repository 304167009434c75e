from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.evaluation.error_kinds import ErrorCounts, error_kinds
from napari_probinst.core.evaluation.matching import intersection_matrix, iou_matrix, match
from napari_probinst.core.instances import InstanceSet

WIDTH = 60


def bars(*spans):
    """Instances on one row of pixels, each a list of (start, stop)."""
    masks = []
    for span in spans:
        mask = np.zeros((1, WIDTH), bool)
        for start, stop in [span] if isinstance(span[0], int) else span:
            mask[0, start:stop] = True
        masks.append(mask)
    return InstanceSet.from_masks(masks, (1, WIDTH))


def kinds(predicted, truth):
    hits = match(iou_matrix(predicted, truth), 0.5)
    shared = intersection_matrix(predicted, truth)
    return error_kinds(shared, predicted.areas(), truth.areas(), hits)


CASES = {
    "perfect": ([(0, 20)], [(0, 20)], ["found"], ["hit"], {}),
    "nothing": ([], [], [], [], {}),
    "missed": ([], [(0, 20)], ["missed"], [], {"misses": 1}),
    "spurious": ([(0, 20)], [], [], ["spurious"], {"spurious": 1}),
    "apart": ([(0, 9)], [(10, 20)], ["missed"], ["spurious"], {"misses": 1, "spurious": 1}),
    "split in halves": (
        [(0, 10), (10, 20)],
        [(0, 20)],
        ["split"],
        ["piece", "piece"],
        {"false_splits": 1},
    ),
    "split, one piece is a hit": (
        [(0, 14), (14, 20)],
        [(0, 20)],
        ["split"],
        ["piece", "piece"],
        {"false_splits": 1},
    ),
    "in four": (
        [(0, 5), (5, 10), (10, 15), (15, 20)],
        [(0, 20)],
        ["split"],
        ["piece"] * 4,
        {"false_splits": 3},
    ),
    "a second prediction of what is found": (
        [(0, 20), (0, 18)],
        [(0, 20)],
        ["split"],
        ["piece", "piece"],
        {"false_splits": 1},
    ),
    "merge of equals": (
        [(0, 40)],
        [(0, 20), (20, 40)],
        ["merged", "merged"],
        ["merger"],
        {"false_merges": 1},
    ),
    "merge, one is a hit": (
        [(0, 30)],
        [(0, 20), (20, 30)],
        ["merged", "merged"],
        ["merger"],
        {"false_merges": 1},
    ),
    "merge of three": (
        [(0, 60)],
        [(0, 20), (20, 40), (40, 60)],
        ["merged"] * 3,
        ["merger"],
        {"false_merges": 2},
    ),
    "too short": ([(0, 8)], [(0, 20)], ["inexact"], ["inexact"], {"inexact": 1}),
    "too long": ([(0, 50)], [(0, 20)], ["inexact"], ["inexact"], {"inexact": 1}),
    "exactly half is no majority": (
        [(10, 30)],
        [(0, 20)],
        ["missed"],
        ["spurious"],
        {"misses": 1, "spurious": 1},
    ),
    "both are found where worms overlap": (
        [(0, 30), (10, 40)],
        [(0, 30), (10, 40)],
        ["found", "found"],
        ["hit", "hit"],
        {},
    ),
    "two swapped ends": (
        [[(0, 16), (36, 40)], [(16, 36)]],
        [(0, 20), (20, 40)],
        ["found", "found"],
        ["hit", "hit"],
        {},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_by_hand(case):
    predicted, truth, true_kinds, predicted_kinds, counts = CASES[case]
    found = kinds(bars(*predicted), bars(*truth))
    assert list(found.true_kinds) == true_kinds
    assert list(found.predicted_kinds) == predicted_kinds
    assert found.counts == ErrorCounts(**counts)


def test_empty_instances_are_nothing():
    found = kinds(bars((0, 20), (5, 5)), bars((3, 3), (0, 20)))
    assert found.true_kinds == ("", "found")
    assert found.predicted_kinds == ("hit", "")
    assert found.counts == ErrorCounts()


span = st.tuples(st.integers(0, 30), st.integers(1, 20)).map(lambda pair: (pair[0], sum(pair)))


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(span, max_size=4), st.lists(span, max_size=4))
def test_prediction_and_truth_can_be_exchanged(predicted, truth):
    predicted, truth = bars(*predicted), bars(*truth)
    hits = match(iou_matrix(predicted, truth), 0.5)
    shared = intersection_matrix(predicted, truth)
    one = error_kinds(shared, predicted.areas(), truth.areas(), hits).counts
    other = error_kinds(shared.T, truth.areas(), predicted.areas(), hits[:, ::-1]).counts
    assert (one.false_splits, one.false_merges) == (other.false_merges, other.false_splits)
    assert (one.misses, one.spurious) == (other.spurious, other.misses)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(span, max_size=4), st.lists(span, max_size=4))
def test_every_unmatched_instance_has_one_cause(predicted, truth):
    predicted, truth = bars(*predicted), bars(*truth)
    hits = match(iou_matrix(predicted, truth), 0.5)
    found = kinds(predicted, truth)
    for index, kind in enumerate(found.true_kinds):
        expected = {"split", "merged"} | ({"found"} if index in hits[:, 1] else set())
        expected |= set() if index in hits[:, 1] else {"missed", "inexact"}
        assert kind in expected
    for index, kind in enumerate(found.predicted_kinds):
        expected = {"piece", "merger"} | ({"hit"} if index in hits[:, 0] else set())
        expected |= set() if index in hits[:, 0] else {"spurious", "inexact"}
        assert kind in expected


def test_counts_add_up():
    assert ErrorCounts(1, 2, 3, 4, 5) + ErrorCounts(10, 10, 10, 10, 10) == ErrorCounts(
        11, 12, 13, 14, 15
    )
