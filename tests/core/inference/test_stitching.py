"""Stitching against whole-image truth, with tiles that see the truth, clipped or disturbed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_probinst.core.boxes import intersect, shifted, window
from napari_probinst.core.data.synthetic import synthetic_image
from napari_probinst.core.inference.stitching import stitch
from napari_probinst.core.inference.tiling import Tile, tile_layout
from napari_probinst.core.instances import Instance, InstanceSet

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)

SHAPE = (20, 60)
#: Cores meet at column 30; each tile sees 10 columns beyond.
LEFT = Tile(outer=(0, 0, 20, 40), core=(0, 0, 20, 30))
RIGHT = Tile(outer=(0, 20, 20, 60), core=(0, 30, 20, 60))


def bar(y0, x0, y1, x1):
    return Instance((y0, x0, y1, x1), np.ones((y1 - y0, x1 - x0), dtype=bool))


def pieces(mask, corner, min_size=1):
    """Connected pieces of a mask, as a network would find them."""
    labels, _ = ndimage.label(mask, EIGHT_NEIGHBOURS)
    found = [
        Instance.from_mask(labels == label, corner) for label in range(1, int(labels.max()) + 1)
    ]
    return [piece for piece in found if piece.area >= min_size]


def local(tile, instances):
    """Instances of the image in the tile's own pixels."""
    y0, x0 = tile.origin
    moved = [Instance(shifted(one.bbox, (-y0, -x0)), one.mask) for one in instances]
    return (tile, InstanceSet(tile.shape, tuple(moved)))


def seen(tile, instances, disturb=lambda tile, mask, corner: mask):
    found = []
    for instance in instances:
        box = intersect(instance.bbox, tile.outer)
        if box is not None:
            mask = instance.mask[window(box, instance.bbox)]
            found += pieces(disturb(tile, mask, box[:2]), box[:2])
    return local(tile, found)


def content(instances):
    return sorted((one.tight().bbox, one.tight().mask.tobytes()) for one in instances)


def stitched(tiles, instances, shape):
    return stitch([seen(tile, instances) for tile in tiles], shape).instances


def test_one_tile_gives_its_instances():
    tile = Tile((0, 0, *SHAPE), (0, 0, *SHAPE))
    bars = [bar(0, 0, 4, 60), bar(2, 3, 20, 6)]
    assert content(stitched([tile], bars, SHAPE)) == content(bars)


def test_instances_are_in_pixels_of_the_image():
    result = stitch(
        [local(LEFT, []), (RIGHT, InstanceSet(RIGHT.shape, (bar(1, 15, 3, 30),)))], SHAPE
    )
    assert content(result.instances) == content([bar(1, 35, 3, 50)])
    assert result.shape == SHAPE


def test_an_instance_across_the_seam_is_found_once():
    bars = [bar(5, 24, 9, 36), bar(12, 22, 15, 34), bar(0, 0, 2, 12), bar(0, 50, 2, 60)]
    assert content(stitched([LEFT, RIGHT], bars, SHAPE)) == content(bars)


def test_the_tile_with_most_of_it_in_its_core_gives_the_whole_contour():
    thin, thick = bar(6, 24, 9, 35), bar(5, 24, 10, 35)
    for tiles in ((LEFT, RIGHT), (RIGHT, LEFT)):
        result = stitch([local(LEFT, [thin]), local(RIGHT, [thick])], SHAPE)
        # 6 columns lie in the left core and 5 in the right: 18 trusted pixels against 25.
        assert content(result.instances) == content([thick])
        result = stitch([local(tiles[0], [thick]), local(tiles[1], [thick])], SHAPE)
        assert content(result.instances) == content([thick])


def test_a_fragment_yields_to_the_whole():
    whole = bar(5, 12, 9, 36)
    cut = bar(5, 20, 9, 37)
    result = stitch([local(RIGHT, [cut]), local(LEFT, [whole])], SHAPE)
    assert content(result.instances) == content([whole])


def test_what_only_the_neighbour_sees_is_dropped():
    in_the_halo = bar(5, 31, 9, 36)
    mostly_beyond = bar(5, 27, 9, 36)
    mostly_inside = bar(5, 24, 9, 34)
    for instance, n_kept in ((in_the_halo, 0), (mostly_beyond, 0), (mostly_inside, 1)):
        assert len(stitch([local(LEFT, [instance]), local(RIGHT, [])], SHAPE)) == n_kept


def test_an_instance_with_half_its_pixels_supported_stays():
    half = bar(5, 25, 9, 35)
    assert len(stitch([local(LEFT, [half]), local(RIGHT, [])], SHAPE)) == 1
    assert len(stitch([local(LEFT, []), local(RIGHT, [half])], SHAPE)) == 1


def test_split_or_merged_is_for_the_tile_with_most_of_it():
    one, halves = bar(5, 8, 9, 34), [bar(5, 8, 9, 20), bar(5, 21, 9, 34)]
    result = stitch([local(LEFT, halves), local(RIGHT, [bar(5, 20, 9, 34)])], SHAPE)
    assert content(result.instances) == content(halves)
    halves_of_a_fragment = [bar(5, 24, 9, 29), bar(5, 30, 9, 34)]
    result = stitch([local(LEFT, [one]), local(RIGHT, halves_of_a_fragment)], SHAPE)
    assert content(result.instances) == content([one])


def test_instances_of_one_tile_are_never_taken_for_the_same():
    nested = [bar(2, 2, 12, 22), bar(4, 4, 8, 18)]
    assert content(stitched([LEFT, RIGHT], nested, SHAPE)) == content(nested)


def test_worms_that_cross_on_the_corner_of_four_tiles():
    shape = (60, 60)
    tiles = tile_layout(shape, (45, 45), 15)
    assert len(tiles) == 4
    diagonal = np.eye(60, dtype=bool)
    diagonal[:22] = diagonal[38:] = False
    falling = Instance.from_mask(ndimage.binary_dilation(diagonal, EIGHT_NEIGHBOURS))
    rising = Instance.from_mask(ndimage.binary_dilation(diagonal[:, ::-1], EIGHT_NEIGHBOURS))
    both = [falling, rising, bar(29, 20, 31, 40), bar(20, 29, 40, 31)]
    assert content(stitched(tiles, both, shape)) == content(both)


def ring(shape, radius, width):
    y, x = np.indices(shape)
    distance = np.hypot(y - shape[0] / 2, x - shape[1] / 2)
    return abs(distance - radius) <= width / 2


def horseshoe(shape):
    mask = ring(shape, 50, 6)
    mask[:, shape[1] // 2 :] = False
    mask[shape[0] // 2 - 53 : shape[0] // 2 - 46, shape[1] // 2 :] = True
    mask[shape[0] // 2 + 47 : shape[0] // 2 + 54, shape[1] // 2 :] = True
    return mask


def crossing_lines(shape):
    mask = np.zeros((2, *shape), dtype=bool)
    y, x = np.indices(shape)
    mask[0] = abs(y - x) <= 3
    mask[1] = abs(y - shape[0] / 2 - 0.3 * (x - shape[1] / 2)) <= 3
    return mask


@pytest.mark.parametrize(
    "masks",
    [[ring((160, 160), 60, 6)], [horseshoe((160, 160))], crossing_lines((160, 160))],
    ids=["ring", "horseshoe", "crossing"],
)
def test_what_no_tile_sees_whole_is_joined(masks):
    truth = [Instance.from_mask(mask) for mask in masks]
    tiles = tile_layout((160, 160), (64, 64), 16)
    assert content(stitched(tiles, truth, (160, 160))) == content(truth)


def test_in_a_joined_instance_the_core_decides():
    shape = (20, 160)
    parts = []
    for tile in tile_layout(shape, (20, 60), 10):
        # Thick in the halo, where the tile isn't trusted, and of the right width in the core.
        mask = np.zeros(shape, dtype=bool)
        mask[6:12, tile.outer[1] : tile.outer[3]] = True
        mask[:, tile.core[1] : tile.core[3]] = False
        mask[7:11, tile.core[1] : tile.core[3]] = True
        parts.append(local(tile, [Instance.from_mask(mask)]))
    (joined,) = stitch(parts, shape).instances
    assert joined.same_pixels(bar(7, 0, 11, 160))


def test_a_joined_instance_reaches_as_far_as_any_of_its_tiles_sees():
    shape = (20, 160)
    first, second = tile_layout(shape, (20, 60), 16)[:2]
    parts = [seen(tile, [bar(7, 0, 11, 160)]) for tile in (first, second)]
    (joined,) = stitch(parts, shape).instances
    assert joined.same_pixels(bar(7, 0, 11, second.outer[3]))


def test_nothing_gives_nothing():
    assert len(stitch([], SHAPE)) == 0
    assert len(stitch([local(LEFT, []), local(RIGHT, [])], SHAPE)) == 0
    empty = Instance((3, 3, 5, 5), np.zeros((2, 2), dtype=bool))
    assert len(stitch([local(LEFT, [empty])], SHAPE)) == 0


def test_boxes_may_be_loose():
    mask = np.zeros((20, 40), dtype=bool)
    mask[5:9, 24:36] = True
    result = stitch([local(LEFT, [Instance((0, 0, 20, 40), mask)])], SHAPE)
    assert result.instances[0].bbox == (5, 24, 9, 36)


def test_instances_come_in_the_order_of_their_first_pixels():
    bars = [bar(9, 40, 12, 50), bar(3, 35, 6, 45), bar(3, 2, 6, 12)]
    result = stitched([LEFT, RIGHT], bars, SHAPE)
    assert [one.bbox[:2] for one in result] == [(3, 2), (3, 35), (9, 40)]


def test_a_set_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="in a tile of"):
        stitch([(LEFT, InstanceSet(SHAPE, ()))], SHAPE)


def test_a_tile_that_comes_twice_is_refused():
    with pytest.raises(ValueError, match="comes twice"):
        stitch([local(LEFT, []), local(LEFT, [])], SHAPE)


def snake(rng, shape, length):
    """A random walk of slowly changing direction, five pixels thick."""
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.12, length))
    walk = np.cumsum(np.stack([np.sin(heading), np.cos(heading)], axis=1), axis=0)
    walk += rng.uniform(0.1, 0.9, 2) * shape - walk.mean(axis=0)
    rows, columns = np.round(walk).astype(int).T
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    mask = np.zeros(shape, dtype=bool)
    mask[rows[inside], columns[inside]] = True
    thick = ndimage.binary_dilation(mask, EIGHT_NEIGHBOURS, iterations=2)
    return max(pieces(thick, (0, 0)), key=lambda piece: piece.area, default=None)


@given(
    seed=st.integers(0, 2**16),
    shape=st.tuples(st.integers(50, 200), st.integers(50, 200)),
    halo=st.integers(8, 22),
    length=st.integers(5, 40),
)
@settings(derandomize=True, max_examples=40, deadline=None)
def test_perfect_tiles_give_the_perfect_whole(seed, shape, halo, length):
    rng = np.random.default_rng(seed)
    snakes = [snake(rng, shape, length) for _ in range(8)]
    truth = [one for one in snakes if one is not None]
    tiles = tile_layout(shape, (64, 70), halo, stride=2)
    assert content(stitched(tiles, truth, shape)) == content(truth)


@pytest.fixture(scope="module")
def worms():
    """Worms half as wide as in a real well, so that the extent may be half as large too."""
    return synthetic_image(3, (535, 713), worm_width=5, crossing=0.45, touching=0.25).truth


def disturbed(shape):
    """Contours that vary from tile to tile, and swell towards the border of a tile."""

    def disturb(tile, mask, corner):
        rng = np.random.default_rng([*tile.outer, *corner])
        rows, columns = np.indices(mask.shape)
        rows, columns = rows + corner[0], columns + corner[1]
        y0, x0, y1, x1 = tile.outer
        depth = np.full(mask.shape, np.inf)
        for inner, distance in (
            (y0 > 0, rows - y0),
            (x0 > 0, columns - x0),
            (y1 < shape[0], y1 - 1 - rows),
            (x1 < shape[1], x1 - 1 - columns),
        ):
            depth = np.minimum(depth, distance) if inner else depth
        outside, inside = (ndimage.distance_transform_edt(page) for page in (~mask, mask))
        noise = ndimage.gaussian_filter(rng.standard_normal(mask.shape), 2) * 2
        return inside - outside + noise + 3 * np.clip(1 - depth / 20, 0, 1) > 0

    return disturb


@pytest.mark.parametrize("extent", [(264, 352), (180, 240), (135, 180)])
def test_synthetic_worms_of_two_to_four_times_the_extent(worms, extent):
    tiles = tile_layout(worms.shape, extent, stride=16)
    assert len(tiles) > 4
    assert content(stitched(tiles, worms.instances, worms.shape)) == content(worms.instances)


def test_disturbed_tiles_give_each_worm_once(worms):
    disturb = disturbed(worms.shape)
    tiles = tile_layout(worms.shape, (264, 352), stride=16)
    parts = [seen(tile, worms.instances, disturb) for tile in tiles]
    result = stitch(parts, worms.shape)
    iou = np.array([[one.iou(other) for other in result.instances] for one in worms.instances])
    assert len(result) == len(worms)
    assert sorted(iou.argmax(axis=1)) == list(range(len(worms)))
    assert iou.max(axis=1).min() > 0.7
    assert all(ndimage.label(one.mask, EIGHT_NEIGHBOURS)[1] == 1 for one in result.instances)


def test_the_order_of_the_tiles_changes_nothing(worms):
    disturb = disturbed(worms.shape)
    tiles = tile_layout(worms.shape, (135, 180), stride=16)
    parts = [seen(tile, worms.instances, disturb) for tile in tiles]
    expected = stitch(parts, worms.shape)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(parts))
        result = stitch((parts[index] for index in order), worms.shape)
        assert [one.bbox for one in result.instances] == [one.bbox for one in expected.instances]
        for one, other in zip(result.instances, expected.instances, strict=True):
            assert np.array_equal(one.mask, other.mask)
