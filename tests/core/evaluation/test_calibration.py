"""Reliability of pixel probabilities, by hand."""

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.evaluation.calibration import Calibration, ReliabilityBin, calibrate
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction


def row(*spans, width=12):
    """Instances on a page of one row, from (start, stop)."""
    masks = [np.zeros((1, width), dtype=bool) for _ in spans]
    for mask, (start, stop) in zip(masks, spans, strict=True):
        mask[:, start:stop] = True
    return InstanceSet.from_masks(masks, (1, width))


def predicted(*draws):
    return Prediction("A01", agglomerate(draws), (), InferenceConfig(min_size=0))


def test_share_of_right_pixels_of_each_probability():
    prediction = predicted(*[row((0, 4))] * 3, row((0, 8)))
    calibration = calibrate([(prediction, row((0, 5)))])
    # All draws agree on pixels 0 to 3, one of four draws holds 4 to 7, of which 4 is right.
    assert calibration.bins == (ReliabilityBin(0.25, 0.25, 4), ReliabilityBin(1.0, 1.0, 4))
    assert calibration.expected_error == 0
    assert calibration.n_pixels == 8


def test_error_is_weighted_by_pixels():
    bins = (ReliabilityBin(0.5, 0.25, 30), ReliabilityBin(1.0, 0.9, 10))
    assert Calibration(bins).expected_error == pytest.approx((30 * 0.25 + 10 * 0.1) / 40)


def test_instance_without_a_match_is_wrong_everywhere():
    (only,) = calibrate([(predicted(row((0, 4))), row((6, 8)))]).bins
    assert only == ReliabilityBin(1.0, 0.0, 4)


def test_each_pixel_counts_once_for_each_instance_that_holds_it():
    both = row((0, 4), (2, 6))
    (only,) = calibrate([(predicted(both), both)]).bins
    assert only == ReliabilityBin(1.0, 1.0, 8)


def test_instance_that_is_empty_once_binarised_is_left_out():
    assert calibrate([(predicted(row((0, 4)), row()), row((0, 4)))]).bins == ()


def test_images_with_other_numbers_of_draws_share_the_bin_of_their_probability():
    one = (predicted(*[row((0, 4))] * 3, row((0, 6))), row((0, 4)))
    other = (predicted(*[row((0, 4))] * 6, *[row((0, 7))] * 2), row((0, 7)))
    first, _ = calibrate([one, other]).bins
    assert first == ReliabilityBin(0.25, pytest.approx(3 / 5), 5)


def test_nothing_is_undefined():
    assert calibrate([]).expected_error is None
    assert calibrate([(predicted(row()), row((0, 2)))]).n_pixels == 0
