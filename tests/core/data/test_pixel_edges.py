"""Outlines enclose exactly the pixels they were drawn around, whichever rule fills them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_probinst.core.data.pixel_edges import outlines
from napari_probinst.core.instances import Instance


def winding(polygons, shape):
    """Winding numbers of the pixels' centres, by brute force, all crossings to their right."""
    total = np.zeros(shape, int)
    ys, xs = np.mgrid[: shape[0], : shape[1]] + 0.5
    for polygon in polygons:
        for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            assert (x0 == x1) != (y0 == y1)
            crossed = (x0 > xs) & (min(y0, y1) < ys) & (ys < max(y0, y1))
            total += crossed * np.sign(y1 - y0)
    return total


def mask(picture):
    return np.array([[character == "#" for character in row] for row in picture.split()])


def test_a_single_pixel_is_a_square():
    (square,) = outlines(Instance((2, 5, 3, 6), np.ones((1, 1), bool)))
    # x and y, clockwise from the top left.
    assert square.tolist() == [[5, 2], [6, 2], [6, 3], [5, 3]]


@pytest.mark.parametrize(
    ("picture", "corners"),
    [
        ("####", [4]),
        ("##. .##", [8]),
        ("### #.# ###", [4, 4]),
        # Pixels that touch by a corner are two pieces ...
        ("#. .#", [4, 4]),
        (".# #.", [4, 4]),
        # ... and so holes that touch by one are one hole.
        ("#### #.## ##.# ####", [4, 8]),
        ("#### ##.# #.## ####", [4, 8]),
        # A ring that closes over a corner has no hole, but a bay.
        (".## #.# ###", [10]),
        ("... ...", []),
    ],
)
def test_pieces_and_holes_each_have_one_outline(picture, corners):
    polygons = outlines(Instance.from_mask(mask(picture)))
    assert sorted(len(polygon) for polygon in polygons) == corners


@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
@settings(derandomize=True, max_examples=50, deadline=None)
def test_both_rules_fill_the_mask_again(page):
    turns = winding(outlines(Instance((0, 0, *page.shape), page)), page.shape)
    # 1 inside, 0 outside and in holes: even-odd and nonzero agree.
    assert np.array_equal(turns, page.astype(int))
