"""Typical width of instances."""

from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.scale import (
    MOST_MEASURED,
    Misfit,
    misfit,
    typical_misfit,
    typical_width,
)
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.prediction import Prediction


def bar(height, length):
    return Instance.from_mask(np.ones((height, length)))


@pytest.mark.parametrize(("height", "width"), [(1, 2), (2, 2), (3, 4), (4, 4)])
def test_a_bar_is_as_wide_as_its_short_side_to_the_next_even_number(height, width):
    assert typical_width([bar(height, 20)]) == width
    assert typical_width([Instance.from_mask(np.ones((20, height)))]) == width


def test_the_median_counts_and_empty_instances_do_not():
    empty = Instance.from_mask(np.zeros((3, 3)))
    assert typical_width([bar(2, 20), bar(4, 20), bar(10, 20), empty]) == 4
    assert typical_width([empty]) is None
    assert typical_width([]) is None


def test_of_many_some_are_measured():
    assert typical_width([bar(2, 4), bar(10, 20)] * MOST_MEASURED) == 2


def prediction(*instances, scale=1.0):
    draws = agglomerate([InstanceSet((40, 40), instances)])
    return Prediction("a", draws, (), InferenceConfig(scale=scale))


@pytest.mark.parametrize("width", [8, 14])
def test_a_width_within_the_tolerance_fits(width):
    assert misfit(prediction(bar(width, 30)), 10) is None


def test_nothing_found_is_no_misfit():
    assert misfit(prediction(), 10) is None


def test_another_width_is_told_with_the_scale_that_suits_it():
    assert misfit(prediction(bar(22, 30)), 10) == Misfit(22, 10, 0.45)
    assert misfit(prediction(bar(4, 30)), 10) == Misfit(4, 10, 2.5)


def test_what_the_model_knows_depends_on_the_scale_it_sees_at():
    assert misfit(prediction(bar(20, 30), scale=0.5), 10) is None
    assert misfit(prediction(bar(10, 30), scale=0.5), 10) == Misfit(10, 20, 1.0)


def test_the_scale_stays_within_its_bounds():
    advice = misfit(prediction(bar(2, 30)), 1000)
    assert advice is not None
    assert advice.scale == 20
    assert InferenceConfig(scale=advice.scale).scale == 20


def test_of_several_misfits_the_median_counts():
    several = [Misfit(10 / scale, 10, scale) for scale in (0.2, 0.7, 0.5, 0.6)]
    assert typical_misfit(several).scale == 0.5
    assert typical_misfit(several[:1]).scale == 0.2
