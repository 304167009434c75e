from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import logit

from napari_probinst.core.network.calibration import Calibration, foreground_share

LINE = Calibration(offset=-1.0, slope=8.0, least_share=0.1, largest_share=0.5)


def _background(share):
    """Page of 10 x 10 pixels, certain but for rounding, with this share of foreground."""
    page = np.full((10, 10), 1.0, np.float32)
    page.flat[: round(100 * share)] = 0.0
    return page


def test_share_is_the_mean_of_what_is_no_background():
    assert foreground_share(np.array([[1.0, 0.5], [0.0, 0.9]], np.float32)) == pytest.approx(0.4)
    assert foreground_share(np.zeros((0, 0), np.float32)) == 0.0


@pytest.mark.parametrize(
    ("share", "shift"), [(0.2, 0.6), (0.5, 3.0), (0.0, -0.2), (0.1, -0.2), (0.9, 3.0)]
)
def test_shift_is_a_line_that_ends_where_the_fit_did(share, shift):
    assert LINE.shift(foreground_share(_background(share))) == pytest.approx(shift, abs=1e-6)


def test_log_odds_of_background_grow_by_the_shift_and_the_rest_keeps_its_ratio():
    classes = np.random.default_rng(0).dirichlet((4, 2, 1), (6, 7)).astype(np.float32)
    classes = np.moveaxis(classes, -1, 0)
    before = classes.copy()
    shifted = LINE.apply(classes)
    np.testing.assert_array_equal(classes, before)
    np.testing.assert_allclose(shifted.sum(axis=0), 1, atol=1e-6)
    gained = logit(shifted[0].astype(float)) - logit(classes[0].astype(float))
    np.testing.assert_allclose(gained, LINE.shift(foreground_share(classes[0])), atol=1e-4)
    np.testing.assert_allclose(shifted[2] / shifted[1], classes[2] / classes[1], rtol=1e-4)


def test_log_odds_of_overlap_grow_and_background_stays():
    classes = np.random.default_rng(0).dirichlet((4, 2, 1), (6, 7)).astype(np.float32)
    classes = np.moveaxis(classes, -1, 0)
    shifted = Calibration(overlap=-np.log(10)).apply(classes)
    np.testing.assert_allclose(shifted[0], classes[0], rtol=1e-5)
    np.testing.assert_allclose(shifted.sum(axis=0), 1, atol=1e-6)
    # Ten times less likely beside foreground than before.
    np.testing.assert_allclose(shifted[2] / shifted[1], classes[2] / classes[1] / 10, rtol=1e-4)


def test_overlap_alone_stays_certain_of_itself():
    only = np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]], np.float32)
    np.testing.assert_array_equal(Calibration(overlap=-3.0).apply(only), only)


def test_certain_pixels_stay_certain():
    classes = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]]], np.float32)
    np.testing.assert_array_equal(LINE.apply(classes), classes)


def test_shares_out_of_order_are_refused():
    with pytest.raises(ValidationError, match="least_share is larger"):
        Calibration(offset=0, slope=1, least_share=0.5, largest_share=0.1)
