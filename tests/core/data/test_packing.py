"""Masks in a file come back as they were, or not at all."""

import numpy as np
import pytest

from napari_probinst.core.data.packing import packed_boxes, packed_masks, unpacked
from napari_probinst.core.instances import Instance

SHAPE = (6, 9)
BAR = Instance((1, 2, 2, 9), np.array([[1, 0, 1, 1, 1, 1, 1]], bool))
SQUARE = Instance((3, 0, 6, 3), np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0]], bool))
NOTHING = Instance((4, 4, 4, 4), np.zeros((0, 0), bool))


@pytest.mark.parametrize("instances", [(), (NOTHING,), (BAR, NOTHING, SQUARE)])
def test_masks_come_back(instances):
    boxes = packed_boxes(one.bbox for one in instances)
    found = unpacked(boxes, packed_masks(instances), SHAPE)
    assert [one.bbox for one in found] == [one.bbox for one in instances]
    assert [one.mask.tolist() for one in found] == [one.mask.tolist() for one in instances]


def test_each_mask_begins_with_a_new_byte():
    assert packed_masks((BAR, SQUARE)).tolist() == [0b10111110, 0b11110101, 0]
    assert packed_boxes([BAR.bbox]).dtype == np.int32


@pytest.mark.parametrize(
    ("boxes", "n_bytes", "problem"),
    [
        ([[1, 2, 2, 9]], 2, "don't fill"),
        ([[1, 2, 2, 9]], 0, "don't fill"),
        ([], 1, "don't fill"),
        ([[1, 2, 2, 10]], 1, "outside the image"),
        ([[-1, 2, 0, 9]], 1, "outside the image"),
        ([[2, 2, 1, 9]], 1, "outside the image"),
        ([[1, 2, 2]], 1, "four sides"),
    ],
)
def test_what_contradicts_itself_is_refused(boxes, n_bytes, problem):
    boxes = np.array(boxes, np.int32).reshape(len(boxes), -1 if boxes else 4)
    with pytest.raises(ValueError, match=problem):
        unpacked(boxes, np.zeros(n_bytes, np.uint8), SHAPE)
