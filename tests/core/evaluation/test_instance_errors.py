"""Risk against coverage: by hand, and against a loop over orders."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.evaluation.instance_errors import instance_errors, risk_coverage
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction


def row(*spans, width=20):
    """Instances on a page of one row, from (start, stop)."""
    masks = [np.zeros((1, width), dtype=bool) for _ in spans]
    for mask, (start, stop) in zip(masks, spans, strict=True):
        mask[:, start:stop] = True
    return InstanceSet.from_masks(masks, (1, width))


def curve(confidence, wrong):
    return risk_coverage(np.array(confidence, dtype=float), np.array(wrong, dtype=bool))


def test_perfect_order():
    result = curve([0.9, 0.2, 0.8], [0, 1, 0])
    assert result.coverage == pytest.approx((1 / 3, 2 / 3, 1))
    assert result.risk == pytest.approx((0, 0, 1 / 3))
    assert result.aurc == pytest.approx(result.aurc_best) == pytest.approx(1 / 9)
    assert result.aurc_random == pytest.approx(1 / 3)


def test_worst_order():
    assert curve([0.9, 0.2, 0.8], [1, 0, 0]).risk == pytest.approx((1, 1 / 2, 1 / 3))


def test_all_tied_is_random_order():
    result = curve([1, 1, 1, 1], [1, 0, 0, 0])
    assert result.risk == pytest.approx([0.25] * 4)
    assert result.aurc == pytest.approx(result.aurc_random)


def test_no_instances():
    result = curve([], [])
    assert (result.risk, result.coverage) == ((), ())
    assert (result.aurc, result.aurc_random, result.aurc_best) == (None, None, None)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="confidences"):
        curve([1, 2], [0])


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.booleans()), min_size=1, max_size=5))
def test_expected_over_all_orders_of_ties(items):
    risks = []
    for order in permutations(items):
        ranked = sorted(order, key=lambda item: -item[0])
        wrong = np.cumsum([item[1] for item in ranked])
        risks.append(wrong / np.arange(1, len(items) + 1))
    result = curve(*zip(*items, strict=True))
    assert result.risk == pytest.approx(np.mean(risks, axis=0))
    best = np.sort([item[1] for item in items])
    assert result.aurc_best == pytest.approx(
        np.mean(np.cumsum(best) / np.arange(1, len(items) + 1))
    )


def test_instances_of_all_images_are_pooled_and_empty_ones_left_out():
    steady = Prediction("A01", agglomerate([row((0, 10))] * 4), (), InferenceConfig(min_size=0))
    # All four draws see the first, two of four the second: it is empty at a threshold of 0.75.
    divided = Prediction(
        "A02",
        agglomerate([row((0, 8)), row((0, 8)), row((0, 4), (10, 14)), row((0, 4), (10, 14))]),
        (),
        InferenceConfig(min_size=0),
    )
    result = instance_errors([(steady, row((0, 10))), (divided, row((0, 8)))])
    # The second image shows pixels 0 to 3 of a worm of 8: IoU 0.5 is not above 0.5.
    assert {threshold: each.n_errors for threshold, each in result.items()} == {0.5: 1, 0.8: 1}
    assert result[0.5].n_instances == 2
    assert result[0.5].risk == pytest.approx((0, 0.5))


def test_errors_grow_with_the_threshold():
    prediction = Prediction("A01", agglomerate([row((0, 10))] * 2), (), InferenceConfig(min_size=0))
    result = instance_errors([(prediction, row((0, 7)))])
    assert (result[0.5].n_errors, result[0.8].n_errors) == (0, 1)
