"""Cuts, seeds and growth, on crops a reader can check by eye and against brute force."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_probinst.core.curation import geometry
from napari_probinst.core.instances import Instance


def random_mask(height, width, share, seed):
    return np.random.default_rng(seed).random((height, width)) < share


sides = st.integers(1, 12)
masks = st.builds(random_mask, sides, sides, st.sampled_from((0.5, 0.8, 1)), st.integers(0, 999))
points = st.tuples(st.floats(-30, 30), st.floats(-30, 30))


def draw(crop):
    return ["".join("#" if pixel else "." for pixel in row) for row in crop]


def test_diagonal_line_is_connected_over_edges():
    assert draw(geometry.rasterise([(0, 0), (2, 2)], (0, 0, 3, 3))) == ["#..", "##.", ".##"]


def test_line_with_corner_and_ends_outside_the_box():
    crop = geometry.rasterise([(-5, 12), (11, 12), (11, 99)], (10, 10, 13, 14))
    assert draw(crop) == ["..#.", "..##", "...."]


def test_line_beside_the_box_covers_nothing():
    assert not geometry.rasterise([(0, 0), (0, 50)], (1, 0, 4, 50)).any()


def test_line_far_outside_costs_nothing_and_passes_through():
    crop = geometry.rasterise([(1, -1e9), (1, 1e9)], (0, 0, 3, 4))
    assert crop[1].all()


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.lists(points, min_size=2, max_size=4), st.integers(-3, 3), st.integers(-3, 3))
def test_line_covers_every_pixel_near_its_course(line, y, x):
    crop = geometry.rasterise(line, (y, x, y + 5, x + 7))
    for start, end in pairwise(line):
        for share in np.linspace(0, 1, 50):
            at = np.array(start) + share * (np.array(end) - np.array(start)) - (y, x)
            row, column = np.floor(at + 0.5).astype(int)
            near = crop[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            if 0 <= row < 5 and 0 <= column < 7:
                assert near.any()


def test_cut_in_the_middle_gives_the_line_to_the_nearest_part():
    mask = np.ones((3, 7), bool)
    line = np.zeros_like(mask)
    line[:, 3] = True
    labels = geometry.cut(mask, line)
    assert set(labels[:, :3].ravel()) == {1}
    assert set(labels[:, 4:].ravel()) == {2}
    assert (labels[:, 3] > 0).all()


def test_line_that_ends_inside_does_not_cut():
    mask = np.ones((4, 4), bool)
    line = np.zeros_like(mask)
    line[:3, 2] = True
    assert geometry.cut(mask, line) is None


def test_corner_debris_is_no_part():
    mask = np.ones((10, 10), bool)
    line = geometry.rasterise([(0, 1), (1, 0)], (0, 0, 10, 10))
    assert geometry.cut(mask, line) is None


def test_piece_that_the_line_does_not_cut_follows_the_nearest_part(picture):
    mask = picture("######.##### ######.##### ............ ###.........")
    line = np.zeros_like(mask)
    line[:, 2] = True
    labels = geometry.cut(mask, line)
    assert len(np.unique(labels[mask])) == 2
    # The right bar was not cut: it goes, whole, to the part beside it.
    assert len(np.unique(labels[:2, 3:][mask[:2, 3:]])) == 1
    assert labels[0, 0] != labels[0, 5]


def test_spread_takes_the_way_inside_the_mask(picture):
    horseshoe = picture("##### #...# #...#")
    labels = np.zeros(horseshoe.shape, np.int32)
    labels[2, 0], labels[1, 4] = 1, 2
    # (2, 4) is as near to both through the air columns, but only reached from the right arm.
    result = geometry.spread(labels, horseshoe)
    assert result[2, 4] == 2
    assert result[0, 1] == 1
    assert result[0, 3] == 2


def test_island_goes_to_the_nearest_label_as_a_whole(picture):
    mask = picture("#.###.........#")
    labels = np.zeros(mask.shape, np.int32)
    labels[0, 0], labels[0, 14] = 1, 2
    assert geometry.spread(labels, mask).tolist() == [[1, 0, 1, 1, 1, *[0] * 9, 2]]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(masks, st.lists(points, min_size=2, max_size=4))
def test_parts_of_any_cut_are_disjoint_and_their_union_is_the_mask(mask, line):
    drawn = geometry.rasterise(line, (0, 0, *mask.shape))
    labels = geometry.cut(mask, drawn)
    if labels is None:
        return
    parts = geometry.parts_of(labels, (0, 0))
    assert len(parts) >= 2
    assert sum(part.area for part in parts) == np.count_nonzero(mask)
    assert np.array_equal(geometry.union(parts).full(mask.shape), mask)
    assert [part.area for part in parts] == sorted((p.area for p in parts), reverse=True)


@settings(derandomize=True, deadline=None, max_examples=20)
@given(masks, st.integers(0, 999))
def test_spread_is_the_shortest_way_by_brute_force(mask, seed):
    """Bellman and Ford, pixel by pixel: each label is one of the nearest seeds inside the mask."""
    inside = np.argwhere(mask)
    if len(inside) < 3:
        return
    generator = np.random.default_rng(seed)
    seeds = inside[generator.choice(len(inside), 3, replace=False)]
    labels = np.zeros(mask.shape, np.int32)
    labels[tuple(seeds.T)] = (1, 2, 3)
    distances = [_geodesic(mask, tuple(point)) for point in seeds]
    result = geometry.spread(labels, mask)
    nearest = np.min(distances, axis=0)
    for y, x in inside:
        if np.isfinite(nearest[y, x]):
            own = distances[result[y, x] - 1][y, x]
            assert np.isclose(own, nearest[y, x])
    assert np.array_equal(result > 0, mask)


def _geodesic(mask, start):
    distance = np.full(np.add(mask.shape, 2), np.inf)
    distance[start[0] + 1, start[1] + 1] = 0
    height, width = mask.shape
    for _ in range(mask.size):
        steps = [
            distance[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] + np.hypot(dy, dx)
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        ]
        distance[1:-1, 1:-1] = np.where(mask, np.min(steps, axis=0), np.inf)
    return distance[1:-1, 1:-1]


def test_equal_parts_come_in_reading_order():
    labels = np.array([[2, 2, 0, 1, 1]], np.int32)
    assert [part.bbox for part in geometry.parts_of(labels, (5, 7))] == [
        (5, 7, 6, 9),
        (5, 10, 6, 12),
    ]


def test_contact_is_the_middle_of_where_two_are_nearest(picture):
    first = Instance.from_mask(picture("###.... ###.... ###...."), (10, 10))
    second = Instance.from_mask(picture("....### ....### ....###"), (10, 10))
    assert geometry.contact(first, second) == ((11, 14), 2.0)
    overlapping = Instance.from_mask(picture("..##... ..##... ..##..."), (10, 10))
    assert geometry.contact(first, overlapping) == ((11, 12), 0.0)


def test_resistance_multiplies_the_way(picture):
    graph = geometry.neighbours(picture("##"), np.array([[1.0, 3.0]]))
    assert graph.toarray().tolist() == [[0, 2], [0, 0]]


def test_hole_is_background_that_edges_enclose(picture):
    ring = Instance.from_mask(picture(".#. #.# .#."), (4, 4))
    assert draw(geometry.filled(ring).mask) == [".#.", "###", ".#."]


def test_grown_by_one_is_a_cross_and_stays_in_the_image(picture):
    dot = Instance.from_mask(picture("#"), (0, 2))
    assert draw(geometry.grown(dot, 1, (3, 4)).full((3, 4))) == [".###", "..#.", "...."]


@settings(derandomize=True, deadline=None, max_examples=25)
@given(masks, st.integers(1, 4))
def test_growing_and_shrinking_equal_dilation_with_a_disc(mask, pixels):
    if not mask.any():
        return
    padded = np.pad(mask, 6)
    grid = np.arange(-pixels, pixels + 1)
    disc = np.hypot(grid[:, None], grid) <= pixels
    instance = Instance.from_mask(padded)
    grown = geometry.grown(instance, pixels, padded.shape)
    assert np.array_equal(grown.full(padded.shape), ndimage.binary_dilation(padded, disc))
    shrunk = geometry.shrunk(instance, pixels, padded.shape)
    assert np.array_equal(shrunk.full(padded.shape), ndimage.binary_erosion(padded, disc))


def test_shrinking_leaves_the_edge_of_the_image_alone(picture):
    bar = Instance.from_mask(picture("####"), (0, 0))
    assert draw(geometry.shrunk(bar, 1, (1, 6)).full((1, 6))) == ["###..."]
    assert geometry.shrunk(bar, 1, (1, 4)).same_pixels(bar)
