"""Layout of the tiles: cores fill the image once, and every core has its halo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.inference.tiling import Tile, default_halo, tile_layout


@pytest.mark.parametrize("shape", [(1, 1), (528, 704), (527, 3), (520, 696)])
def test_an_image_within_the_extent_is_one_tile(shape):
    (tile,) = tile_layout(shape, (528, 704))
    assert tile == Tile((0, 0, *shape), (0, 0, *shape))
    assert tile.shape == shape


def test_three_tiles_by_hand():
    tiles = tile_layout((5, 20), (10, 10), 2)
    assert [tile.outer for tile in tiles] == [(0, 0, 5, 9), (0, 5, 5, 14), (0, 10, 5, 20)]
    assert [tile.core for tile in tiles] == [(0, 0, 5, 7), (0, 7, 5, 12), (0, 12, 5, 20)]


def test_a_tile_reads_its_part_of_the_image():
    image = np.arange(2 * 30 * 40).reshape(2, 30, 40)
    tile = Tile(outer=(10, 20, 25, 40), core=(15, 25, 25, 40))
    read = image[:, *tile.slices]
    assert read.shape == (2, *tile.shape)
    assert read[0, 0, 0] == image[(0, *tile.origin)]


def test_tiles_come_row_by_row():
    tiles = tile_layout((1100, 1500), (528, 704))
    assert list(tiles) == sorted(tiles, key=lambda tile: tile.core)
    assert tiles == tile_layout((1100, 1500), (528, 704))


def test_the_default_halo_is_eight_strides_but_leaves_a_core():
    assert default_halo((1024, 1024), 16) == 128
    assert default_halo((528, 704), 16) == default_halo((704, 528), 16) == 128
    assert default_halo((1, 1), 1) == 1
    assert default_halo((360, 704), 16) == 80
    assert tile_layout((800, 900), (528, 704), stride=16) == tile_layout(
        (800, 900), (528, 704), 128, stride=16
    )


@pytest.mark.parametrize(("extent", "expected"), [(1024, 1.7), (704, 2.4)])
def test_what_the_default_halo_costs_is_as_documented(extent, expected):
    tiles = tile_layout((16384, 16384), (extent, extent), stride=16)
    read = sum(tile.shape[0] * tile.shape[1] for tile in tiles) / 16384**2
    assert read == pytest.approx(expected, abs=0.05)


@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    extent=st.tuples(st.integers(18, 40), st.integers(18, 40)),
    halo=st.integers(1, 6),
    stride=st.integers(1, 6),
)
@settings(derandomize=True, max_examples=80, deadline=None)
def test_layout_properties(shape, extent, halo, stride):
    tiles = tile_layout(shape, extent, halo, stride=stride)
    times_covered = np.zeros(shape, dtype=int)
    for tile in tiles:
        y0, x0, y1, x1 = tile.core
        times_covered[y0:y1, x0:x1] += 1
        for axis in (0, 1):
            low, high = tile.outer[axis], tile.outer[axis + 2]
            # The outer box is the core and its halo, within the image and the extent.
            assert low == max(tile.core[axis] - halo, 0) or low == 0
            assert high == min(tile.core[axis + 2] + halo, shape[axis])
            assert 0 <= low < high <= shape[axis]
            assert high - low <= extent[axis]
            assert low % stride == 0
            assert low == 0 or tile.core[axis] - low == halo
    assert (times_covered == 1).all()
    for axis in (0, 1):
        sizes = [tile.shape[axis] for tile in tiles]
        assert max(sizes) - min(sizes) <= 2 * stride


@pytest.mark.parametrize(
    ("shape", "halo", "stride"),
    [((0, 50), 2, 1), ((50, 50), 0, 1), ((50, 50), 2, 0), ((50, 50), -3, 1)],
)
def test_sizes_that_are_not_positive_are_refused(shape, halo, stride):
    with pytest.raises(ValueError, match="must be positive"):
        tile_layout(shape, (20, 20), halo, stride=stride)


@pytest.mark.parametrize(("halo", "stride"), [(10, 1), (5, 16)])
def test_halos_that_leave_no_core_are_refused(halo, stride):
    with pytest.raises(ValueError, match="leaves no core"):
        tile_layout((50, 50), (20, 20), halo, stride=stride)
