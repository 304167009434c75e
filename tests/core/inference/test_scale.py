"""Typical width of instances."""

from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.inference.scale import MOST_MEASURED, typical_width
from napari_probinst.core.instances import Instance


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
