"""The grid of patches, by hand and against a loop over whole pages."""

import numpy as np
import pytest

from napari_probinst.core.patch_grid import PatchGrid


def test_grid_starts_at_the_image():
    grid = PatchGrid.around((3, 5, 9, 8), 4)
    assert (grid.row, grid.column, grid.rows, grid.columns) == (0, 1, 3, 1)
    assert grid.bbox == (0, 4, 12, 8)
    assert grid.bbox_in((10, 20)) == (0, 4, 10, 8)


def test_empty_box_has_no_patches():
    grid = PatchGrid.around((0, 0, 0, 0), 4)
    assert grid.sums(np.zeros((0, 0)), (0, 0, 0, 0)).shape == (0, 0)


def test_patch_must_be_positive():
    with pytest.raises(ValueError, match="at least one pixel"):
        PatchGrid.around((0, 0, 4, 4), 0)


@pytest.mark.parametrize("patch", [1, 2, 3, 4, 7])
def test_sums_and_sizes_are_those_of_a_page(patch):
    shape, bbox = (11, 14), (2, 5, 11, 14)
    page = np.zeros(shape, dtype=int)
    values = np.random.default_rng(patch).integers(0, 9, (9, 9))
    page[2:, 5:] = values
    grid = PatchGrid.around(bbox, patch)
    sums, sizes = grid.sums(values, bbox), grid.sizes(shape)
    assert sums.sum() == page.sum()
    for row in range(grid.rows):
        for column in range(grid.columns):
            y, x = (grid.row + row) * patch, (grid.column + column) * patch
            block = page[y : y + patch, x : x + patch]
            assert (sums[row, column], sizes[row, column]) == (block.sum(), block.size)


def test_fractions_stay_fractions_and_truth_values_are_counted():
    grid = PatchGrid.around((0, 0, 2, 2), 2)
    assert grid.sums(np.full((2, 2), 0.25), (0, 0, 2, 2)).tolist() == [[1.0]]
    assert grid.sums(np.full((2, 2), True), (0, 0, 2, 2)).tolist() == [[4]]
