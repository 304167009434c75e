"""Parts along a shape, where nobody placed seeds: bars, bent worms, touching discs, debris."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_probinst.core.curation.division import divide

EIGHT = np.ones((3, 3), bool)


def disc(shape, y, x, radius):
    rows, columns = np.indices(shape)
    return np.hypot(rows - y, columns - x) <= radius


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_worm_of_even_width_parts_at_equal_lengths(number):
    mask = np.ones((5, 60), bool)
    sizes = np.bincount(divide(mask, number)[mask])[1:]
    assert len(sizes) == number
    assert np.allclose(sizes, 300 / number, rtol=0.15)


def test_bent_worm_is_cut_across_its_middle():
    """A horseshoe: through the air, its two ends are near to one another."""
    shape = (40, 40)
    mask = disc(shape, 20, 20, 18) & ~disc(shape, 20, 20, 11)
    mask[20:, 16:25] = False
    labels = divide(mask, 2)
    left = labels[20, 4]
    assert (labels[:, :17][mask[:, :17]] == left).all()
    assert (labels[:, 24:][mask[:, 24:]] == 3 - left).all()


def test_unequal_cells_part_at_their_neck():
    shape = (45, 70)
    large, small = disc(shape, 22, 22, 20), disc(shape, 22, 50, 10)
    mask = large | small
    labels = divide(mask, 2)
    part = labels == labels[22, 22]
    assert np.count_nonzero(part & large) / np.count_nonzero(part | large) > 0.95
    assert labels[22, 50] == 3 - labels[22, 22]


def test_pieces_are_the_parts_and_debris_follows(picture):
    mask = picture("#######.####### #######.####### ............... ...........#...")
    labels = divide(mask, 2)
    assert len(np.unique(labels[:2, :7])) == 1
    assert labels[3, 11] == labels[0, 14] != labels[0, 0]


def test_no_room(picture):
    assert divide(picture("##"), 3) is None
    assert divide(np.ones((4, 6), bool), 20) is None


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(0, 999), st.integers(2, 5))
def test_parts_are_disjoint_whole_and_in_one_piece(seed, number):
    noise = np.random.default_rng(seed).random((14, 17)) < 0.75
    pieces, _ = ndimage.label(noise, EIGHT)
    mask = pieces == pieces[noise][0]
    labels = divide(mask, number)
    if labels is None:
        return
    assert np.array_equal(labels > 0, mask)
    assert set(np.unique(labels[mask])) == set(range(1, number + 1))
    for part in range(1, number + 1):
        assert ndimage.label(labels == part, EIGHT)[1] == 1
    assert np.bincount(labels[mask])[1:].min() >= min(5, 0.05 * mask.sum())
    assert np.array_equal(divide(mask, number), labels)
