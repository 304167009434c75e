"""Counterparts by hand, and against the dense assignment of scipy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from napari_probinst.core.evaluation.pairing import assigned, counterparts
from napari_probinst.core.instances import InstanceSet


def row(*spans, width=12):
    """Instances on a page of one row, from (start, stop)."""
    masks = [np.zeros((1, width), dtype=bool) for _ in spans]
    for mask, (start, stop) in zip(masks, spans, strict=True):
        mask[:, start:stop] = True
    return InstanceSet.from_masks(masks, (1, width))


def test_larger_part_of_a_split_worm_is_its_counterpart():
    assert counterparts(row((0, 8), (8, 12)), row((0, 12))) == (0, None)


def test_false_merge_is_the_larger_worm():
    assert counterparts(row((0, 12)), row((0, 5), (5, 12))) == (1,)


def test_sum_of_iou_counts_and_not_the_number_of_pairs():
    # Both could be paired with something, at IoU 1/12 and 3/12; one alone has 10/12.
    assert counterparts(row((0, 10), (11, 12)), row((0, 12), (0, 1))) == (0, None)


def test_nothing_in_common_is_no_pair():
    assert counterparts(row((0, 4)), row((4, 8))) == (None,)
    assert counterparts(row((3, 3), (0, 4)), row((0, 4))) == (None, 0)
    assert counterparts(row(), row((4, 8))) == ()
    assert counterparts(row((0, 4)), row()) == (None,)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(arrays(np.float64, (4, 5), elements=st.sampled_from([0, 0, 0.1, 0.3, 0.4, 0.9])))
def test_total_is_that_of_the_dense_assignment(iou):
    partners = assigned(iou)
    taken = [(i, j) for i, j in enumerate(partners) if j is not None]
    assert len({j for _, j in taken}) == len(taken)
    assert all(iou[pair] > 0 for pair in taken)
    best = iou[linear_sum_assignment(iou, maximize=True)].sum()
    assert np.isclose(sum(iou[pair] for pair in taken), best)
