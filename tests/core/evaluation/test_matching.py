from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_probinst.core.evaluation.matching import intersection_matrix, iou_matrix, match
from napari_probinst.core.instances import Instance, InstanceSet


def _best_by_trying_all(iou, threshold):
    """(number of hits, sum of their IoU) of the best of all one-to-one assignments."""
    if iou.shape[0] > iou.shape[1]:
        iou = iou.T
    best = (0, 0.0)
    for columns in permutations(range(iou.shape[1]), iou.shape[0]):
        values = iou[np.arange(iou.shape[0]), list(columns)]
        hits = values[values > threshold]
        best = max(best, (len(hits), float(hits.sum())))
    return best


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    iou=st.tuples(st.integers(0, 4), st.integers(0, 5)).flatmap(
        lambda shape: arrays(
            np.float64, shape, elements=st.sampled_from([0, 0.1, 0.5, 0.55, 0.6, 0.9, 1.0])
        )
    ),
    threshold=st.sampled_from([0.0, 0.5, 0.8]),
)
def test_no_assignment_is_better(iou, threshold):
    pairs = match(iou, threshold)
    values = iou[pairs[:, 0], pairs[:, 1]]
    assert (values > threshold).all()
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
    n_hits, total = _best_by_trying_all(iou, threshold)
    assert len(pairs) == n_hits
    assert values.sum() == pytest.approx(total)


def test_hits_come_before_iou():
    # The pair of IoU 1 would leave the others without a partner.
    iou = np.array([[1.0, 0.6], [0.6, 0.0]])
    assert match(iou, 0.5).tolist() == [[0, 1], [1, 0]]


def test_many_hits_still_outweigh_the_iou():
    n = 40
    iou = np.eye(n) * 0.51
    iou[0, 1:] = 1.0
    assert len(match(iou, 0.5)) == n


def test_a_hit_is_strictly_above_the_threshold():
    assert match(np.array([[0.5]]), 0.5).shape == (0, 2)
    assert match(np.array([[np.nextafter(0.5, 1)]]), 0.5).tolist() == [[0, 0]]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_match(shape):
    assert match(np.zeros(shape), 0.5).shape == (0, 2)


def test_the_matrix_by_hand():
    square = Instance((0, 0, 2, 2), np.ones((2, 2), bool))
    right_half = Instance((0, 1, 2, 3), np.ones((2, 2), bool))
    far = Instance((8, 8, 9, 9), np.ones((1, 1), bool))
    nothing = Instance((0, 0, 2, 2), np.zeros((2, 2), bool))
    matrix = iou_matrix(
        InstanceSet((10, 10), (square, nothing)), InstanceSet((10, 10), (square, right_half, far))
    )
    np.testing.assert_allclose(matrix, [[1, 2 / 6, 0], [0, 0, 0]])


def test_the_matrix_equals_full_pages():
    generator = np.random.default_rng(0)
    masks = [ndarray > 0.9 for ndarray in generator.random((9, 12, 7))]
    matrix = iou_matrix(
        InstanceSet.from_masks(masks[:4], (12, 7)), InstanceSet.from_masks(masks[4:], (12, 7))
    )
    for row, one in enumerate(masks[:4]):
        for column, other in enumerate(masks[4:]):
            expected = (one & other).sum() / (one | other).sum()
            assert matrix[row, column] == pytest.approx(expected)


@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 12))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_shared_pixels_are_those_of_full_pages(seed, n_predicted, n_true):
    generator = np.random.default_rng(seed)
    pages = np.zeros((n_predicted + n_true, 15, 20), dtype=bool)
    for page in pages:
        (y0, y1), (x0, x1) = np.sort(generator.integers(0, (16, 21), (2, 2)), axis=0).T
        page[y0:y1, x0:x1] = generator.random((y1 - y0, x1 - x0)) < 0.7
    first, second = pages[:n_predicted].reshape(-1, 300), pages[n_predicted:].reshape(-1, 300)
    shared = intersection_matrix(
        InstanceSet.from_masks(list(pages[:n_predicted]), (15, 20)),
        InstanceSet.from_masks(list(pages[n_predicted:]), (15, 20)),
    )
    assert np.array_equal(shared, first.astype(int) @ second.T.astype(int))
