from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.inference.orientation import n_orientations, orient, restore

PAGE = np.array([[[1, 2, 3], [4, 5, 6]]])


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (0, [[1, 2, 3], [4, 5, 6]]),
        (1, [[3, 2, 1], [6, 5, 4]]),
        (2, [[4, 5, 6], [1, 2, 3]]),
        (3, [[6, 5, 4], [3, 2, 1]]),
        (4, [[1, 4], [2, 5], [3, 6]]),
        (5, [[3, 6], [2, 5], [1, 4]]),
        (6, [[4, 1], [5, 2], [6, 3]]),
        (7, [[6, 3], [5, 2], [4, 1]]),
    ],
)
def test_by_hand(orientation, expected):
    seen = orient(PAGE, orientation)
    assert seen.tolist() == [expected]
    assert seen.flags.c_contiguous
    assert restore(seen, orientation).tolist() == PAGE.tolist()


def test_all_eight_differ_and_half_of_them_are_turns():
    rotations = {np.rot90(PAGE[0], turns).tobytes() for turns in range(4)}
    seen = [orient(PAGE, orientation)[0].tobytes() for orientation in range(8)]
    assert len(set(seen)) == 8
    assert {orientation for orientation in range(8) if seen[orientation] in rotations} == {
        0,
        3,
        5,
        6,
    }


@pytest.mark.parametrize("shape", [(2, 1, 1), (1, 1, 5), (3, 4, 7), (0, 2, 3)])
@pytest.mark.parametrize("orientation", range(8))
def test_there_and_back(shape, orientation):
    pages = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    back = restore(orient(pages, orientation), orientation)
    np.testing.assert_array_equal(back, pages)
    assert back.dtype == np.float32


@pytest.mark.parametrize(
    ("extent", "coordinates", "expected"),
    [((528, 704), True, 4), ((528, 704), False, 8), ((512, 512), True, 8), ((512, 512), False, 8)],
)
def test_a_page_is_only_laid_on_its_side_where_the_coordinates_allow(extent, coordinates, expected):
    assert n_orientations(extent, coordinates=coordinates) == expected
